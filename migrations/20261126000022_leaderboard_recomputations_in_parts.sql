-- A recomputation counts some people at a time, each part in a transaction, so that results that are graded meanwhile wait for no more
-- than a part. One that comes again before it is done goes on and adds to what it had repaired.
ALTER TABLE leaderboard_recomputations ADD COLUMN is_done boolean NOT NULL DEFAULT true;
