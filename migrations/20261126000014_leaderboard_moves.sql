-- How an entry stood before its latest change, and the stamp of the result that changed it: whoever takes that result
-- again tells the same people that they were passed. Empty before the first change after this.
ALTER TABLE leaderboard_entries
    ADD COLUMN changed_at           timestamptz,
    ADD COLUMN old_total_hundredths bigint,
    ADD COLUMN old_exams_completed  integer,
    ADD COLUMN old_reached_at       timestamptz;
