-- What one user may make grow is counted: rooms they have opened, and whom they have invited.
ALTER TABLE chat_rooms ADD COLUMN created_by uuid;
CREATE INDEX chat_rooms_created_by ON chat_rooms (created_by, created_at);
CREATE INDEX study_group_invitations_by ON study_group_invitations (invited_by, at);
-- When somebody chose how to show, and by which command: the next choice counts a while later.
ALTER TABLE user_presence
    ADD COLUMN chosen_at timestamptz,
    ADD COLUMN chosen_by uuid;
