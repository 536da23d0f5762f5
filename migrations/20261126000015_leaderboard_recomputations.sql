-- Recomputations that are done, and how many entries they repaired: a repeat is answered with that, and counts nothing.
CREATE TABLE leaderboard_recomputations (
    command_id uuid PRIMARY KEY,
    done_at    timestamptz NOT NULL,
    repaired   integer NOT NULL
);
