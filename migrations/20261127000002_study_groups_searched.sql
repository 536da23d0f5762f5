-- Groups are found by any part of their name or description without reading all of them: an index over the groups of three
-- letters in it. Each word is behind a space, so that what begins one can be looked for by one or two letters.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
ALTER TABLE study_groups ADD COLUMN searched text NOT NULL
    GENERATED ALWAYS AS (' ' || lower(name) || E'\n ' || lower(COALESCE(description, ''))) STORED;

CREATE INDEX study_groups_searched ON study_groups USING gin (searched gin_trgm_ops) WITH (fastupdate = off)
    WHERE is_public AND deleted_at IS NULL;
CREATE INDEX study_groups_specialty ON study_groups (specialty, id DESC) WHERE is_public AND deleted_at IS NULL;
