-- Every autosave that was applied, by its command: one that comes again, however late and however many came after it,
-- finds that it was, and what was answered. The few in exam_sessions.recent_progress are those of the version before.
CREATE TABLE exam_autosaves (
    command_id     uuid PRIMARY KEY,
    session_id     uuid NOT NULL REFERENCES exam_sessions (id),
    -- When the broker stored it, and how many seconds the session had left then.
    saved_at       timestamptz NOT NULL,
    time_remaining bigint NOT NULL
);

-- How many of them a session has: the number is bounded.
ALTER TABLE exam_sessions ADD COLUMN autosave_count integer NOT NULL DEFAULT 0;
