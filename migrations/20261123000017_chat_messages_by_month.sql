-- Messages are kept by month, so that old ones can be put away whole. A message's id begins with its time (UUID version 7),
-- so the id says which month it is in, and stays the primary key.
--
-- Uniqueness within a room (seq) and of a sender's client_message_id is checked within a month. Across months it holds by how
-- messages are stored: seq is counted in the room's row, and a repeat is looked for before it is stored.
ALTER TABLE chat_messages RENAME TO chat_messages_before;

CREATE TABLE chat_messages (LIKE chat_messages_before INCLUDING DEFAULTS) PARTITION BY RANGE (id);
ALTER TABLE chat_messages ADD CONSTRAINT chat_messages_id PRIMARY KEY (id);

-- The smallest id that something made at a moment can have.
CREATE FUNCTION first_id(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- The indexes of one month.
CREATE PROCEDURE chat_messages_index(part text) LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX ON %I (room_id, seq)', part);
    EXECUTE format('CREATE UNIQUE INDEX ON %I (sender_id, client_message_id) WHERE client_message_id IS NOT NULL', part);
    EXECUTE format('CREATE INDEX ON %I (reply_to, seq) WHERE reply_to IS NOT NULL', part);
    EXECUTE format('CREATE INDEX ON %I (file_url) WHERE file_url IS NOT NULL', part);
END $$;

-- What has an id of no month that there is.
CREATE TABLE chat_messages_rest PARTITION OF chat_messages DEFAULT;
CALL chat_messages_index('chat_messages_rest');

-- Makes the month of a moment, if there is none; what came before it was made moves there. For the chat service, which may
-- make no tables of its own: hence by the rights of whoever owns this function.
CREATE FUNCTION chat_messages_make_month(at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    month timestamptz := date_trunc('month', at, 'UTC');
    part text := 'chat_messages_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    low uuid := first_id(month);
    high uuid := first_id(month + interval '1 month');
BEGIN
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    -- Replicas do this at the same moment.
    PERFORM pg_advisory_xact_lock(hashtext('chat_messages_make_month'));
    IF to_regclass(part) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE chat_messages INCLUDING DEFAULTS)', part);
    LOCK TABLE chat_messages IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format('WITH moved AS (DELETE FROM chat_messages_rest WHERE id >= %L AND id < %L RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', low, high, part);
    CALL chat_messages_index(part);
    EXECUTE format('ALTER TABLE chat_messages ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, low, high);
END $$;
REVOKE ALL ON FUNCTION chat_messages_make_month FROM PUBLIC;

SELECT chat_messages_make_month(month) FROM (
    SELECT DISTINCT date_trunc('month', created_at, 'UTC') AS month FROM chat_messages_before
    UNION SELECT now() UNION SELECT now() + interval '1 month'
) months;
INSERT INTO chat_messages SELECT * FROM chat_messages_before;
DROP TABLE chat_messages_before;
