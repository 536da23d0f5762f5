-- An index over those who have not left looked, to plans made while the table was empty, like the way to find anybody
-- who has not left: whole rooms were looked for by reading all of it. An index that has no condition can't be mistaken.
DROP INDEX chat_participants_user;
CREATE INDEX chat_participants_user ON chat_participants (user_id);
CREATE INDEX chat_participants_room ON chat_participants (room_id, joined_at DESC);
