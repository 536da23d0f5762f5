-- People, as their tokens introduce them. The gateway provisions them; what stands here governs, not the token.
CREATE TABLE users (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    email      text,
    role       text NOT NULL CHECK (role IN ('STUDENT', 'MENTOR', 'PROGRAM_ADMIN', 'SUPER_ADMIN')),
    specialty  text,
    avatar     text,
    created_at timestamptz NOT NULL DEFAULT now()
);
