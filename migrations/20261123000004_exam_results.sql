-- What each session was graded as: one row, whatever completed it, and however often. Points in hundredths.
CREATE TABLE exam_results (
    id                   uuid PRIMARY KEY,
    session_id           uuid NOT NULL REFERENCES exam_sessions (id),
    exam_id              uuid NOT NULL,
    user_id              uuid NOT NULL,
    score_hundredths     bigint NOT NULL,
    max_score_hundredths bigint NOT NULL,
    percentage           double precision NOT NULL,
    total_questions      smallint NOT NULL,
    correct_count        smallint NOT NULL,
    answers              jsonb NOT NULL,
    breakdown            jsonb NOT NULL,
    key_version          integer NOT NULL,
    record_head          bytea NOT NULL,
    completed_at         timestamptz NOT NULL,
    graded_at            timestamptz NOT NULL,
    CONSTRAINT exam_results_once UNIQUE (session_id)
);

CREATE INDEX exam_results_best ON exam_results (exam_id, score_hundredths DESC);
