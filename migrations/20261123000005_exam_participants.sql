-- Through which gateways a student has a live socket in an exam.
CREATE TABLE exam_participants (
    exam_id    uuid NOT NULL,
    user_id    uuid NOT NULL,
    gateway_id uuid NOT NULL,
    user_name  text NOT NULL,
    entered_by uuid NOT NULL,
    entered_at timestamptz NOT NULL,
    PRIMARY KEY (exam_id, user_id, gateway_id)
);

CREATE INDEX exam_participants_gateway ON exam_participants (gateway_id);
