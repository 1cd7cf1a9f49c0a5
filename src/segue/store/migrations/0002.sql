-- An append goes to one index of its session less: the rare questions for what a user wrote are answered by this one,
-- entry by entry, without a look at the messages that others wrote.
DROP INDEX messages_from_user;
DROP INDEX messages_by_session;
CREATE INDEX messages_by_session ON messages (session_id, id, role);
