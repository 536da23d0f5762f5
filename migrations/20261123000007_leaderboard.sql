-- What boards are counted from: every result, with the newest key it was graded by.
CREATE TABLE leaderboard_results (
    result_id        uuid PRIMARY KEY,
    user_id          uuid NOT NULL,
    exam_id          uuid NOT NULL,
    specialty        text NOT NULL,
    score_hundredths bigint NOT NULL,
    key_version      integer NOT NULL,
    completed_at     timestamptz NOT NULL
);

CREATE INDEX leaderboard_results_user ON leaderboard_results (user_id, completed_at);

-- How people are shown on boards. Their rows are what transactions that count for the same person wait for.
CREATE TABLE leaderboard_people (
    user_id uuid PRIMARY KEY,
    name    text NOT NULL,
    avatar  text,
    -- The completion of the latest exam that says so: an older one that is heard of later changes nothing.
    seen_at timestamptz NOT NULL
);

-- Orders the changes of an entry for those who keep boards in memory.
CREATE SEQUENCE leaderboard_version;

-- Boards, as they are counted. An empty specialty is the board over everyone; all time began at the epoch.
CREATE TABLE leaderboard_entries (
    period           text NOT NULL CHECK (period IN ('weekly', 'monthly', 'all_time')),
    period_start     timestamptz NOT NULL,
    specialty        text NOT NULL,
    user_id          uuid NOT NULL,
    total_hundredths bigint NOT NULL,
    exams_completed  integer NOT NULL CHECK (exams_completed > 0),
    reached_at       timestamptz NOT NULL,
    version          bigint NOT NULL,
    PRIMARY KEY (period, period_start, specialty, user_id)
);

-- The order of ranks: the same total by fewer exams is the better average, save for a total of 0; then who got there
-- first.
CREATE INDEX leaderboard_entries_rank ON leaderboard_entries
    (period, period_start, specialty, total_hundredths DESC,
     (CASE WHEN total_hundredths = 0 THEN 0 ELSE exams_completed END), reached_at, user_id);
