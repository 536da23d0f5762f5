-- Every answer as it was given, and never changed after: the latest of a question is the one that counts.
CREATE TABLE exam_answers (
    session_id     uuid NOT NULL REFERENCES exam_sessions (id),
    -- 1, 2, 3 … in its session.
    number         integer NOT NULL,
    question_index smallint NOT NULL,
    -- Empty where an answer was taken back.
    answer         jsonb,
    source         text NOT NULL CHECK (source IN ('answer', 'progress')),
    -- When the broker stored it.
    given_at       timestamptz NOT NULL,
    given_by       uuid NOT NULL,
    -- SHA-256 over the hash before it and this row.
    hash           bytea NOT NULL,
    PRIMARY KEY (session_id, number)
);

-- A command that comes again finds that it was applied.
CREATE UNIQUE INDEX exam_answers_command ON exam_answers (given_by, question_index);
