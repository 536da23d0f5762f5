-- The key that push services know us by (VAPID): made at the first start, PKCS #8 as PEM. Its only row.
CREATE TABLE push_keys (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    private_key text NOT NULL
);

-- Browsers that want to be told while they are closed.
CREATE TABLE push_subscriptions (
    endpoint   text PRIMARY KEY,
    user_id    uuid NOT NULL,
    p256dh     bytea NOT NULL,
    auth       bytea NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX push_subscriptions_user ON push_subscriptions (user_id, created_at);

-- What is to be pushed where. Whoever takes a row moves its moment on, so that it comes again should they die.
CREATE TABLE push_queue (
    notification_id uuid NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    endpoint        text NOT NULL REFERENCES push_subscriptions (endpoint) ON DELETE CASCADE,
    due_at          timestamptz NOT NULL,
    attempts        integer NOT NULL DEFAULT 0,
    PRIMARY KEY (notification_id, endpoint)
);

CREATE INDEX push_queue_due ON push_queue (due_at);
CREATE INDEX push_queue_endpoint ON push_queue (endpoint);
