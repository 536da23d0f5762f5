-- An invitation stays noted when it has been used up, with the command that made it: a repeat of that command is known as one
-- and invites nobody again.
ALTER TABLE study_group_invitations
    ADD COLUMN command_id   uuid,
    ADD COLUMN withdrawn_at timestamptz;
