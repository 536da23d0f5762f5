-- Searching only reads: messages are made searchable ahead, and found by an index over the words of each room.
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE INDEX chat_search_document ON chat_search USING gin (room_id, document) WITH (fastupdate = off);
