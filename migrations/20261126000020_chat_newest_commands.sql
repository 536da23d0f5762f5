-- The newest command of each gateway about each subject in chat (how somebody shows, whether they take part in a room, a
-- reaction, …). A gateway's commands are numbered by their ids, which one process makes in their order; so an older one that
-- comes again, or late, is known as such and changes nothing, however many came after it. Kept for longer than any sender repeats.
CREATE TABLE chat_newest_commands (
    subject    text NOT NULL,
    gateway_id uuid NOT NULL,
    newest     uuid NOT NULL,
    -- The newest before the statement that wrote this row last.
    previous   uuid,
    -- The stamp of the last one that was taken.
    at         timestamptz NOT NULL,
    PRIMARY KEY (subject, gateway_id)
);

CREATE INDEX chat_newest_commands_at ON chat_newest_commands (at);
