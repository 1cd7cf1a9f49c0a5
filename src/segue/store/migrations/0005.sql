-- The text that was added to messages of state 'streaming' since they began; their content has it when they end.
CREATE TABLE message_pieces (
    number INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX message_pieces_by_message ON message_pieces (message_id);

CREATE TRIGGER streaming_message_deleted AFTER DELETE ON messages WHEN old.state = 'streaming'
BEGIN
    DELETE FROM message_pieces WHERE message_id = old.id;
END;
