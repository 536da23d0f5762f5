-- What proctors and authors did to an exam that runs or is graded: who, when, to whom. Its key is the command, so that
-- one that comes again finds that it was applied, and says the same.
CREATE TABLE exam_interventions (
    command_id uuid PRIMARY KEY,
    exam_id    uuid NOT NULL REFERENCES exams (id),
    kind       text NOT NULL CHECK (kind IN ('extend', 'pause', 'resume', 'regrade')),
    -- Empty: for all.
    user_id    uuid,
    detail     jsonb NOT NULL,
    reply      jsonb NOT NULL,
    by_user    uuid NOT NULL,
    at         timestamptz NOT NULL
);
