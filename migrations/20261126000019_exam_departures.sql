-- Who left an exam on which gateway, and after which of the gateway's commands: an older one that comes again changes
-- nothing. A gateway's commands are numbered by their ids, which one process makes in their order.
CREATE TABLE exam_departures (
    exam_id    uuid NOT NULL,
    user_id    uuid NOT NULL,
    gateway_id uuid NOT NULL,
    user_name  text NOT NULL,
    -- The newest command of the gateway that is known to be about this student in this exam.
    newest     uuid NOT NULL,
    -- The command that took the student out: its repeat tells of it again, no other does.
    left_by    uuid NOT NULL,
    left_at    timestamptz NOT NULL,
    -- Whether the student was nowhere in the exam then.
    was_last   boolean NOT NULL,
    PRIMARY KEY (exam_id, user_id, gateway_id)
);
