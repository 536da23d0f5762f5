-- Messages. The sender's name and avatar are kept as they were, so that history reads as it was said.
CREATE TABLE chat_messages (
    id                uuid PRIMARY KEY,
    room_id           text NOT NULL,
    seq               bigint NOT NULL,
    sender_id         uuid NOT NULL,
    sender_name       text NOT NULL,
    sender_avatar     text,
    message           text NOT NULL,
    message_type      text NOT NULL,
    file_url          text,
    file_name         text,
    file_size         bigint,
    client_message_id text,
    reply_to          uuid,
    created_at        timestamptz NOT NULL,
    CONSTRAINT chat_messages_room_seq UNIQUE (room_id, seq)
);

-- A repeat by the same sender is the same message.
CREATE UNIQUE INDEX chat_messages_client_id ON chat_messages (sender_id, client_message_id)
    WHERE client_message_id IS NOT NULL;
