-- A file that can't be removed is tried again later and later, and holds up no other.
ALTER TABLE files
    ADD COLUMN removal_failures integer NOT NULL DEFAULT 0,
    ADD COLUMN remove_after     timestamptz;
