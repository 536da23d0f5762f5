-- Who is in which room through sockets of which gateway: whoever takes part in a room and is not in it is away.
CREATE TABLE chat_room_sockets (
    room_id    text NOT NULL,
    user_id    uuid NOT NULL,
    gateway_id uuid NOT NULL,
    -- The latest join: what ended before it does not end it.
    entered_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, user_id, gateway_id)
);

CREATE INDEX chat_room_sockets_gateway ON chat_room_sockets (gateway_id, user_id);
