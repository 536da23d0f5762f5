-- Who may change an exam besides its author and admins: named by its author.
ALTER TABLE exams ADD COLUMN co_authors uuid[] NOT NULL DEFAULT '{}' CHECK (cardinality(co_authors) <= 20);

ALTER TABLE exam_interventions
    DROP CONSTRAINT exam_interventions_kind_check,
    ADD CONSTRAINT exam_interventions_kind_check
        CHECK (kind IN ('extend', 'pause', 'resume', 'regrade', 'replace', 'publish', 'schedule', 'authors'));
