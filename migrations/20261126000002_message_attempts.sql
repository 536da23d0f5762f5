-- What a service remembers of messages that failed or came to no end, so that none is tried for ever: counted here and not
-- by the broker, whose count begins again with each new owner of a partition. Rows are few: one goes when its message is a
-- dead letter, or after two weeks.
CREATE TABLE message_attempts (
    service        text NOT NULL,
    -- A command by its id, an event by its consumer and id.
    message        text NOT NULL,
    -- How often it failed when it was run alone.
    failed         integer NOT NULL DEFAULT 0,
    -- How often it was begun, alone and with others, and had no outcome: the process ended meanwhile.
    begun_alone    integer NOT NULL DEFAULT 0,
    begun_together integer NOT NULL DEFAULT 0,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, message)
);

CREATE INDEX message_attempts_age ON message_attempts (changed_at);

-- Which replica works on which partition of a service's commands, and whether it has finished what it began there.
CREATE TABLE partition_owners (
    service     text NOT NULL,
    partition   integer NOT NULL,
    replica     uuid NOT NULL,
    handed_over boolean NOT NULL DEFAULT false,
    PRIMARY KEY (service, partition)
);

-- Both are used by all services; each sees and writes the rows of its own alone.
CREATE FUNCTION is_own_service(service text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_user = 'sinaesta_' || replace(service, '-', '_')
$$;
ALTER TABLE message_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE partition_owners ENABLE ROW LEVEL SECURITY;
CREATE POLICY message_attempts_own ON message_attempts USING (is_own_service(service));
CREATE POLICY partition_owners_own ON partition_owners USING (is_own_service(service));
