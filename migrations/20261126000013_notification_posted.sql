-- Messages of rooms of which chat could not say who is away: asked for again, each by itself, so that one room keeps no
-- other waiting and nothing is lost while chat is away.
CREATE TABLE notification_posted (
    event_id text PRIMARY KEY,
    room_id  text NOT NULL,
    -- The messages as the event has them, JSON.
    messages text NOT NULL,
    -- Whoever takes a row moves its moment on, so that it comes again should they die.
    due_at   timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0
);

CREATE INDEX notification_posted_due ON notification_posted (due_at);
