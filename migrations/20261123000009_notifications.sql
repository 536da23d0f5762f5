-- Notifications. One without a user is an announcement: one row for however many it is for, whose readers are in
-- notification_reads.
CREATE TABLE notifications (
    id                 uuid PRIMARY KEY,
    user_id            uuid,
    -- Whom an announcement is for; empty: everybody.
    audience_role      text CHECK (audience_role IN ('STUDENT', 'MENTOR', 'PROGRAM_ADMIN', 'SUPER_ADMIN')),
    audience_specialty text,
    -- Of an exam's reminder: those without a specialty hear of it too, and those who have a session in it.
    audience_exam      uuid,
    type               text NOT NULL CHECK (type IN ('EXAM_UPDATE', 'MESSAGE', 'LEADERBOARD', 'SYSTEM')),
    priority           text NOT NULL CHECK (priority IN ('low', 'normal', 'high', 'urgent')),
    title              text NOT NULL,
    message            text NOT NULL,
    -- JSON that is passed on as it came.
    data               text NOT NULL,
    action_url         text,
    -- What it is about: of each topic, one is unread at the most.
    topic              text,
    -- Of a room's messages: the first and the last one it stands for.
    first_seq          bigint,
    last_seq           bigint,
    sent_by            uuid NOT NULL,
    -- The command that made it or changed it last: its repeat tells of it again, no other does.
    caused_by          uuid NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    read_at            timestamptz,
    -- An urgent one is told again until it is read, or was told often enough.
    repeats_left       smallint NOT NULL DEFAULT 0,
    repeat_at          timestamptz,
    -- An announcement that is too old to be kept: the command that withdrew it, and when. Its row goes later.
    removed_by         uuid,
    removed_at         timestamptz,
    CONSTRAINT notifications_audience
        CHECK (user_id IS NULL OR (audience_role IS NULL AND audience_specialty IS NULL AND audience_exam IS NULL))
);

CREATE INDEX notifications_listed ON notifications (user_id, updated_at DESC, id DESC) WHERE user_id IS NOT NULL;
CREATE INDEX notifications_unread ON notifications (user_id) WHERE read_at IS NULL AND user_id IS NOT NULL;
CREATE UNIQUE INDEX notifications_topic ON notifications (user_id, topic) WHERE read_at IS NULL AND topic IS NOT NULL;
CREATE INDEX notifications_announced ON notifications (created_at) WHERE user_id IS NULL;
CREATE INDEX notifications_to_repeat ON notifications (repeat_at) WHERE repeat_at IS NOT NULL;
CREATE INDEX notifications_of_topic ON notifications (user_id, topic, last_seq) WHERE topic IS NOT NULL;
CREATE INDEX notifications_removed ON notifications (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX notifications_to_remove ON notifications (read_at) WHERE read_at IS NOT NULL;

-- Who has read which announcement.
CREATE TABLE notification_reads (
    notification_id uuid NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    user_id         uuid NOT NULL,
    read_at         timestamptz NOT NULL,
    PRIMARY KEY (user_id, notification_id)
);

CREATE INDEX notification_reads_notification ON notification_reads (notification_id);

-- What is known of a user's inbox; no row: nothing yet.
CREATE TABLE notification_inboxes (
    user_id     uuid PRIMARY KEY,
    -- One more with every change of the user's own notifications.
    version     bigint NOT NULL DEFAULT 0,
    -- While the user sits an exam: since when. What is not urgent and newer waits until it ends.
    held_since  timestamptz,
    -- As the user set them, JSON, and those of its types that are off.
    preferences text NOT NULL DEFAULT '{}',
    types_off   text[] NOT NULL DEFAULT '{}'
);

-- One more with every change of the announcements: its only row. A user's version is the sum of both.
CREATE TABLE notification_announcements (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version bigint NOT NULL
);

INSERT INTO notification_announcements (version) VALUES (0);

-- How far users have read rooms: what they have read they are not told of, however late it is heard of.
CREATE TABLE notification_rooms (
    user_id  uuid NOT NULL,
    room_id  text NOT NULL,
    read_seq bigint NOT NULL,
    PRIMARY KEY (user_id, room_id)
);

-- Exams that users sit or have sat. One that has ended stays for a while: the news of its beginning may come later.
CREATE TABLE notification_sittings (
    session_id uuid PRIMARY KEY,
    exam_id    uuid NOT NULL,
    user_id    uuid NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz
);

CREATE INDEX notification_sittings_user ON notification_sittings (user_id, exam_id);
CREATE INDEX notification_sittings_ended ON notification_sittings (ended_at) WHERE ended_at IS NOT NULL;

-- What every user sees in their inbox, unread where read_at is empty. The one place that says so.
CREATE VIEW notification_seen AS
SELECT u.id AS reader_id, n.id, n.type, n.priority, n.title, n.message, n.data, n.action_url, n.topic, n.first_seq,
       n.last_seq, n.caused_by, n.created_at, n.updated_at, n.read_at,
       false AS is_announcement,
       -- Whether it is told of now: what was seen before an exam began and changes during it is not.
       (n.priority = 'urgent' OR i.held_since IS NULL OR n.updated_at < i.held_since) AS is_told
FROM users u
JOIN notifications n ON n.user_id = u.id
LEFT JOIN notification_inboxes i ON i.user_id = u.id
WHERE n.priority = 'urgent'
   OR ((i.held_since IS NULL OR n.created_at < i.held_since) AND (i.types_off IS NULL OR n.type <> ALL (i.types_off)))
UNION ALL
SELECT u.id, n.id, n.type, n.priority, n.title, n.message, n.data, n.action_url, n.topic, n.first_seq,
       n.last_seq, n.caused_by, n.created_at, n.updated_at, r.read_at, true,
       (n.priority = 'urgent' OR i.held_since IS NULL OR n.updated_at < i.held_since)
FROM users u
JOIN notifications n ON n.user_id IS NULL AND n.removed_by IS NULL AND n.created_at >= u.created_at
 AND (n.audience_role IS NULL OR n.audience_role = u.role)
 AND (n.audience_specialty IS NULL OR n.audience_specialty = u.specialty
      OR (n.audience_exam IS NOT NULL
          AND (u.specialty IS NULL OR EXISTS (SELECT FROM notification_sittings s
                                              WHERE s.user_id = u.id AND s.exam_id = n.audience_exam))))
LEFT JOIN notification_inboxes i ON i.user_id = u.id
LEFT JOIN notification_reads r ON r.user_id = u.id AND r.notification_id = n.id
WHERE n.priority = 'urgent'
   OR ((i.held_since IS NULL OR n.created_at < i.held_since) AND (i.types_off IS NULL OR n.type <> ALL (i.types_off)));

-- Exams that take place at a moment, and the reminders that are due before it.
CREATE TABLE notification_exams (
    exam_id    uuid PRIMARY KEY,
    title      text NOT NULL,
    specialty  text NOT NULL,
    starts_at  timestamptz NOT NULL,
    -- When it was said last to be so: older news changes nothing. And when it was moved last: its reminders are named by it.
    decided_at timestamptz NOT NULL,
    moved_at   timestamptz NOT NULL
);

CREATE TABLE notification_reminders (
    exam_id      uuid NOT NULL REFERENCES notification_exams (exam_id) ON DELETE CASCADE,
    lead_minutes integer NOT NULL,
    due_at       timestamptz NOT NULL,
    -- The command that sent it.
    sent_by      uuid,
    PRIMARY KEY (exam_id, lead_minutes)
);

CREATE INDEX notification_reminders_due ON notification_reminders (due_at) WHERE sent_by IS NULL;
