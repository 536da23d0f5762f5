-- What is written as one word (`mual/muntah`) is found by its parts too. Messages from before are made searchable in that way
-- by themselves, after the migration; replicas of the release before go on counting how far they are by `indexed_seq`.
ALTER TABLE chat_search ADD COLUMN has_parts boolean NOT NULL DEFAULT false;
ALTER TABLE chat_search_rooms ADD COLUMN parts_seq bigint NOT NULL DEFAULT 0;
