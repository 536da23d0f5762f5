-- What stands in `users` governs, whoever writes it: the platform's own back end changes roles here. Each change of what an account
-- may do is stamped, and gateways are notified of it at its commit.
CREATE FUNCTION users_account_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('account_changed', OLD.id::text);
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.account_changed_at := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE TRIGGER users_account_changed BEFORE UPDATE OF role, suspended_at, tokens_valid_from ON users
    FOR EACH ROW
    WHEN ((OLD.role, OLD.suspended_at, OLD.tokens_valid_from)
          IS DISTINCT FROM (NEW.role, NEW.suspended_at, NEW.tokens_valid_from))
    EXECUTE FUNCTION users_account_changed();

CREATE TRIGGER users_account_removed BEFORE DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION users_account_changed();
