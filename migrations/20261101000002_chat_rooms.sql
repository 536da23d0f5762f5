-- Rooms. `last_seq` is the room's counter: a message's seq is taken from it in the transaction that stores the
-- message, so that seqs have no gap. The row is rewritten with every batch, hence the room left in its pages.
CREATE TABLE chat_rooms (
    id         text PRIMARY KEY,
    type       text NOT NULL CHECK (type IN ('MENTOR', 'DIRECT', 'STUDY_GROUP', 'EXAM', 'OPEN')),
    -- The first to join it; in a mentor room, the student whose room it is, once there is one.
    opened_by  uuid,
    last_seq   bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 50);
