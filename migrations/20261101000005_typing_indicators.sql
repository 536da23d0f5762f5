-- Who is typing: for those who join meanwhile. Nothing is lost if it is lost.
CREATE UNLOGGED TABLE typing_indicators (
    room_id    text NOT NULL,
    user_id    uuid NOT NULL,
    user_name  text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
