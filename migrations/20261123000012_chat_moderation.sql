-- What became of messages after they were posted. What they said before stands in chat_message_edits.
ALTER TABLE chat_messages
    ADD COLUMN edited_at   timestamptz,
    ADD COLUMN removed_at  timestamptz,
    -- The latest command that edited or removed it: its repeat tells of it again, no other does.
    ADD COLUMN changed_by  uuid,
    ADD COLUMN reply_count integer NOT NULL DEFAULT 0,
    -- Whether there may be reactions: most messages have none, and are not asked for them.
    ADD COLUMN has_reactions boolean NOT NULL DEFAULT false;

CREATE INDEX chat_messages_replies ON chat_messages (reply_to, seq) WHERE reply_to IS NOT NULL;

-- What a message said before it was edited or removed, and who did that.
CREATE TABLE chat_message_edits (
    command_id uuid PRIMARY KEY,
    message_id uuid NOT NULL,
    before     text NOT NULL,
    by_user    uuid NOT NULL,
    at         timestamptz NOT NULL
);

CREATE INDEX chat_message_edits_message ON chat_message_edits (message_id, at);

CREATE TABLE chat_reactions (
    message_id uuid NOT NULL,
    user_id    uuid NOT NULL,
    emoji      text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (message_id, emoji, user_id)
);

-- Who may not post where, and until when; the latest for a room and user counts. Rows are never changed: they are the
-- history.
CREATE TABLE chat_mutes (
    command_id uuid PRIMARY KEY,
    room_id    text NOT NULL,
    user_id    uuid NOT NULL,
    -- Not after `at`: they may post again.
    until      timestamptz NOT NULL,
    reason     text,
    by_user    uuid NOT NULL,
    at         timestamptz NOT NULL
);

CREATE INDEX chat_mutes_room ON chat_mutes (room_id, user_id, at DESC);

-- What is searched: made of a room's messages when somebody first searches in it, so that rooms in which nobody does
-- cost nothing.
CREATE TABLE chat_search (
    room_id  text NOT NULL,
    seq      bigint NOT NULL,
    document tsvector NOT NULL,
    PRIMARY KEY (room_id, seq)
);

CREATE TABLE chat_search_rooms (
    room_id     text PRIMARY KEY,
    indexed_seq bigint NOT NULL
);
