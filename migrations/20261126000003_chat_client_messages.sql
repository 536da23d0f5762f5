-- Which message a sender's client_message_id means. Unique over all rooms and months, which an index of chat_messages can't be:
-- that is kept by month, and held a repeat of the first of a month against what was sent on its last day. The sender's repeat
-- within 30 days, by the broker's stamps, is the same message; later it is a new one, and takes the row over.
CREATE TABLE chat_client_messages (
    sender_id         uuid NOT NULL,
    client_message_id text NOT NULL,
    message_id        uuid NOT NULL,
    -- The message's stamp.
    at                timestamptz NOT NULL,
    PRIMARY KEY (sender_id, client_message_id)
);

-- Rows that mean nothing any more are removed by age; they are written in its order.
CREATE INDEX chat_client_messages_age ON chat_client_messages USING brin (at);

INSERT INTO chat_client_messages (sender_id, client_message_id, message_id, at)
SELECT DISTINCT ON (sender_id, client_message_id) sender_id, client_message_id, id, created_at FROM chat_messages
WHERE client_message_id IS NOT NULL AND id >= first_id(now() - interval '31 days')
ORDER BY sender_id, client_message_id, created_at DESC;

-- The index by month goes, with those months that there are already.
CREATE OR REPLACE PROCEDURE chat_messages_index(part text) LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX ON %I (room_id, seq)', part);
    EXECUTE format('CREATE INDEX ON %I (reply_to, seq) WHERE reply_to IS NOT NULL', part);
    EXECUTE format('CREATE INDEX ON %I (file_url) WHERE file_url IS NOT NULL', part);
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT i.indexrelid::regclass::text FROM pg_inherits p
        JOIN pg_index i ON i.indrelid = p.inhrelid
        WHERE p.inhparent = 'chat_messages'::regclass AND pg_get_indexdef(i.indexrelid) LIKE '%(sender_id, client_message_id)%'
    LOOP
        EXECUTE format('DROP INDEX %s', name);
    END LOOP;
END $$;
