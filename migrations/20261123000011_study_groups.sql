-- Study groups. Whoever holds a group's row decides about its members: that is what keeps it within its limit.
CREATE TABLE study_groups (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    description text,
    specialty   text,
    is_public   boolean NOT NULL,
    max_members integer NOT NULL CHECK (max_members BETWEEN 2 AND 500),
    -- Whose it is: when they leave, it is the longest-standing member's.
    creator_id  uuid NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    -- The last one has left. Its messages stay, and nobody may read them.
    deleted_at  timestamptz
);

CREATE INDEX study_groups_public ON study_groups (id DESC) WHERE is_public AND deleted_at IS NULL;

CREATE TABLE study_group_members (
    group_id  uuid NOT NULL REFERENCES study_groups (id),
    user_id   uuid NOT NULL,
    user_name text NOT NULL,
    joined_at timestamptz NOT NULL,
    -- The command that brought them in, and the one that took them out: its repeat says the same again.
    joined_by uuid NOT NULL,
    left_at   timestamptz,
    left_by   uuid,
    PRIMARY KEY (group_id, user_id)
);

CREATE INDEX study_group_members_user ON study_group_members (user_id);

-- Who may join a group that is not public.
CREATE TABLE study_group_invitations (
    group_id   uuid NOT NULL REFERENCES study_groups (id),
    user_id    uuid NOT NULL,
    invited_by uuid NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
