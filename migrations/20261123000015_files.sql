-- Files that users have uploaded. What they hold stands in the object store under their id; who may read one is whoever
-- may be in a room in which a message has it.
CREATE TABLE files (
    id            uuid PRIMARY KEY,
    owner_id      uuid NOT NULL,
    name          text NOT NULL,
    size          bigint NOT NULL,
    content_type  text NOT NULL,
    width         integer,
    height        integer,
    has_thumbnail boolean NOT NULL,
    created_at    timestamptz NOT NULL,
    -- No message has it, and it is old: what it holds is removed a little later.
    abandoned_at  timestamptz
);

CREATE INDEX files_created ON files (created_at);
CREATE INDEX files_owner ON files (owner_id);

CREATE INDEX chat_messages_file ON chat_messages (file_url) WHERE file_url IS NOT NULL;
