-- On which gateways a user has sockets. A row without sockets stays for the grace period, so that a reconnect makes
-- no noise.
CREATE TABLE online_users (
    user_id         uuid NOT NULL,
    gateway_id      uuid NOT NULL,
    connected_at    timestamptz NOT NULL,
    connected_by    uuid NOT NULL,
    disconnected_at timestamptz,
    PRIMARY KEY (user_id, gateway_id)
);

CREATE INDEX online_users_gateway ON online_users (gateway_id);
CREATE INDEX online_users_leaving ON online_users (disconnected_at) WHERE disconnected_at IS NOT NULL;

-- How a user chose to show, and when they were last there.
CREATE TABLE user_presence (
    user_id      uuid PRIMARY KEY,
    user_name    text NOT NULL,
    status       text NOT NULL DEFAULT 'online' CHECK (status IN ('online', 'away', 'busy', 'dnd')),
    last_seen_at timestamptz NOT NULL,
    -- The command that took them offline: its repeat announces it again, no other does. Empty while they are there.
    offline_by   uuid
);
