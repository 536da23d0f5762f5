-- An e-mail address is nobody's name: issuers put it there, and everybody saw it. What services write from now on is a name; this
-- is for what stands already. Where nobody has such a name, nothing but `users` is read.
DO $$
BEGIN
    CREATE TEMPORARY TABLE addressed ON COMMIT DROP AS
        SELECT id, name AS address, 'User ' || left(id::text, 4) AS name FROM users
        WHERE lower(btrim(name)) = lower(btrim(email)) OR btrim(name) ~ '^[^[:space:]@]+@[^[:space:]@]+\.[^[:space:]@.]+$';
    IF NOT EXISTS (SELECT FROM addressed) THEN
        RETURN;
    END IF;
    UPDATE users t SET name = a.name FROM addressed a WHERE t.id = a.id;
    UPDATE user_presence t SET user_name = a.name FROM addressed a WHERE t.user_id = a.id AND t.user_name = a.address;
    UPDATE chat_participants t SET user_name = a.name FROM addressed a WHERE t.user_id = a.id AND t.user_name = a.address;
    UPDATE chat_messages t SET sender_name = a.name FROM addressed a WHERE t.sender_id = a.id AND t.sender_name = a.address;
    UPDATE study_group_members t SET user_name = a.name FROM addressed a WHERE t.user_id = a.id AND t.user_name = a.address;
    UPDATE exam_sessions t SET user_name = a.name FROM addressed a WHERE t.user_id = a.id AND t.user_name = a.address;
    UPDATE exam_participants t SET user_name = a.name FROM addressed a WHERE t.user_id = a.id AND t.user_name = a.address;
    UPDATE exam_departures t SET user_name = a.name FROM addressed a WHERE t.user_id = a.id AND t.user_name = a.address;
    UPDATE leaderboard_people t SET name = a.name FROM addressed a WHERE t.user_id = a.id AND t.name = a.address;
END
$$;
