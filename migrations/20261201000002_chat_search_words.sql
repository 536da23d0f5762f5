-- By which rules a message's words were taken apart, and up to where in a room by the newest of them: what was made searchable by
-- older ones is made so anew, by itself, after the migration. Replicas of the release before know nothing of it, and go on
-- counting by `parts_seq`; what they make searchable has version 0.
ALTER TABLE chat_search ADD COLUMN words_version smallint NOT NULL DEFAULT 0;
ALTER TABLE chat_search_rooms ADD COLUMN words_version smallint NOT NULL DEFAULT 0;
ALTER TABLE chat_search_rooms ADD COLUMN words_seq bigint NOT NULL DEFAULT 0;
