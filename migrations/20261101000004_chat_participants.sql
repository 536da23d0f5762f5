-- Who takes part in a room, and how far they have read.
CREATE TABLE chat_participants (
    room_id       text NOT NULL,
    user_id       uuid NOT NULL,
    user_name     text NOT NULL,
    joined_at     timestamptz NOT NULL,
    -- The command that made this row or brought them back: its repeat announces them again, no other does.
    joined_by     uuid NOT NULL,
    left_at       timestamptz,
    left_by       uuid,
    last_read_seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (room_id, user_id)
);

CREATE INDEX chat_participants_user ON chat_participants (user_id) WHERE left_at IS NULL;
