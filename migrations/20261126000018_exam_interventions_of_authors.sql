-- Which sessions an intervention changed, so that its repeat tells the same students, in the same order.
ALTER TABLE exam_interventions ADD COLUMN sessions uuid[] NOT NULL DEFAULT '{}';

-- What authors do is noted as well: one that comes again must not undo what was done after it.
ALTER TABLE exam_interventions
    DROP CONSTRAINT exam_interventions_kind_check,
    ADD CONSTRAINT exam_interventions_kind_check
        CHECK (kind IN ('extend', 'pause', 'resume', 'regrade', 'replace', 'publish', 'schedule'));
