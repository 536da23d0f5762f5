-- Whether somebody may connect, and which of their tokens count.
ALTER TABLE users
    ADD COLUMN suspended_at      timestamptz,
    -- Tokens from before count no more, nor do those that do not say when they were issued.
    ADD COLUMN tokens_valid_from timestamptz,
    -- When either was changed last: gateways look for what they did not hear of.
    ADD COLUMN account_changed_at timestamptz;

CREATE INDEX users_account_changed ON users (account_changed_at) WHERE account_changed_at IS NOT NULL;

-- What was done to accounts, by whom and why.
CREATE TABLE account_actions (
    id      uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    action  text NOT NULL CHECK (action IN ('suspend', 'restore', 'revoke-tokens')),
    reason  text,
    by_user uuid NOT NULL,
    at      timestamptz NOT NULL
);

CREATE INDEX account_actions_user ON account_actions (user_id, at);
