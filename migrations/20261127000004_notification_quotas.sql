-- How many notifications one user has sent lately is counted.
CREATE INDEX notifications_sent_by ON notifications (sent_by, created_at);
