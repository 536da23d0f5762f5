-- The latest pause that is over, from and until: what the broker stored in it never counts, also where it is applied
-- after the time runs again.
ALTER TABLE exam_sessions ADD COLUMN pause_began_at timestamptz, ADD COLUMN pause_ended_at timestamptz;
