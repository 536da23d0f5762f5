-- Commands of which nothing else shows that they are done: what they set may have been set otherwise since, so that a
-- repeat that is not known would undo it.
CREATE TABLE notification_commands (
    command_id uuid PRIMARY KEY,
    done_at    timestamptz NOT NULL,
    -- Of reading everything: the version up to which it was read.
    read_up_to bigint
);

CREATE INDEX notification_commands_done ON notification_commands (done_at);
