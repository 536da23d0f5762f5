-- The command that ended a sitting, and what it released, in the order in which it was told: its repeat tells the same
-- again, and no other command does.
ALTER TABLE notification_sittings
    ADD COLUMN ended_by uuid,
    ADD COLUMN released uuid[] NOT NULL DEFAULT '{}';
