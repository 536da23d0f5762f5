-- What is written as one word (`mual/muntah`) is found by its parts too. Messages from before are made searchable in that way
-- by themselves, after the migration; replicas of the release before go on counting how far they are by `indexed_seq`.
ALTER TABLE chat_search ADD COLUMN has_parts boolean NOT NULL DEFAULT false;
ALTER TABLE chat_search_rooms ADD COLUMN parts_seq bigint NOT NULL DEFAULT 0;

-- What is searched of a text, in either language. They stand apart in the document: a phrase must not go from the end of the one
-- to the beginning of the other.
CREATE FUNCTION chat_searchable(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ts_delete(to_tsvector('indonesian', said) || $v$'.':1000$v$::tsvector || to_tsvector('english', said), '.')
$$;
