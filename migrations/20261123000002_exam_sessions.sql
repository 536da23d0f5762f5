-- One student's sitting of one exam. Rewritten with every batch of answers, hence the room left in its pages.
CREATE TABLE exam_sessions (
    id               uuid PRIMARY KEY,
    exam_id          uuid NOT NULL REFERENCES exams (id),
    user_id          uuid NOT NULL,
    user_name        text NOT NULL,
    user_avatar      text,
    started_at       timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    -- Since when a proctor has stopped it.
    paused_at        timestamptz,
    completed_at     timestamptz,
    -- The command that completed it: its repeat announces the result again, no other does.
    completed_by     uuid,
    reason           text CHECK (reason IN ('submitted', 'time-expired')),
    current_question smallint NOT NULL DEFAULT 0,
    -- One bit for each question, set where there is an answer.
    answered         bytea NOT NULL DEFAULT '',
    -- The record's length and the last link of its hash chain.
    change_count     integer NOT NULL DEFAULT 0,
    record_head      bytea NOT NULL,
    -- The latest autosaves, by their commands: one that comes again finds that it was applied.
    recent_progress  bytea NOT NULL DEFAULT '',
    last_activity    timestamptz NOT NULL,
    CONSTRAINT exam_sessions_once UNIQUE (exam_id, user_id)
) WITH (fillfactor = 70);

-- Whose time is over is looked for several times a second.
CREATE INDEX exam_sessions_running ON exam_sessions (ends_at) WHERE completed_at IS NULL AND paused_at IS NULL;
