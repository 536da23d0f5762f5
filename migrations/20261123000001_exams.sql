-- Exams. The key lives with the questions and never leaves the service before an exam is graded.
CREATE TABLE exams (
    id                       uuid PRIMARY KEY,
    title                    text NOT NULL,
    description              text,
    specialty                text NOT NULL,
    status                   text NOT NULL CHECK (status IN ('DRAFT', 'PUBLISHED')),
    duration_minutes         integer NOT NULL CHECK (duration_minutes > 0),
    negative_marking_percent smallint NOT NULL CHECK (negative_marking_percent BETWEEN 0 AND 100),
    -- A synchronised exam begins and ends for all at these moments.
    scheduled_start          timestamptz,
    scheduled_end            timestamptz,
    -- When those who waited for its start were told, and by which command.
    started_at               timestamptz,
    started_by               uuid,
    key_version              integer NOT NULL DEFAULT 1,
    created_by               uuid NOT NULL,
    created_at               timestamptz NOT NULL,
    CONSTRAINT exams_schedule CHECK ((scheduled_start IS NULL) = (scheduled_end IS NULL) AND scheduled_end > scheduled_start)
);

CREATE INDEX exams_to_start ON exams (scheduled_start) WHERE started_at IS NULL AND scheduled_start IS NOT NULL;

-- One row for each question. Points are counted in hundredths.
CREATE TABLE questions (
    exam_id           uuid NOT NULL REFERENCES exams (id) ON DELETE CASCADE,
    index             smallint NOT NULL,
    text              text NOT NULL,
    options           jsonb NOT NULL,
    key               jsonb NOT NULL,
    points_hundredths bigint NOT NULL CHECK (points_hundredths > 0),
    category          text,
    explanation       text,
    PRIMARY KEY (exam_id, index)
);
