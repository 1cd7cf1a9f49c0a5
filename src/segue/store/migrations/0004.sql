-- Figures of the messages, for statistics: sums for each session, model and block of 4096 message ids.

CREATE TABLE message_figures (
    id INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    block INTEGER NOT NULL,
    -- The model of the messages; '' if they name none.
    model TEXT NOT NULL,
    -- Milliseconds since 1970 of the first and the last message.
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    user_messages INTEGER NOT NULL,
    tool_calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    -- The same for each millisecond: JSON columns, the first with the milliseconds since first_at.
    moments TEXT NOT NULL,
    UNIQUE (session_id, block, model)
) STRICT;

-- Blocks of sessions whose figures were removed because a message changed. They are counted again up to this id.
CREATE TABLE message_recounts (
    session_id TEXT NOT NULL,
    block INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    PRIMARY KEY (session_id, block)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER counted_message_deleted AFTER DELETE ON messages
WHEN old.id <= (SELECT CAST(value AS INTEGER) FROM daemon_state WHERE name = 'figures_upto')
    AND EXISTS (SELECT 1 FROM message_figures WHERE session_id = old.session_id AND block = old.id >> 12)
BEGIN
    DELETE FROM message_figures WHERE session_id = old.session_id AND block = old.id >> 12;
    INSERT OR REPLACE INTO message_recounts (session_id, block, upto) VALUES (old.session_id, old.id >> 12, 0);
END;

CREATE TRIGGER counted_message_changed
AFTER UPDATE OF session_id, role, model, input_tokens, output_tokens, created_at, parts ON messages
WHEN old.id <= (SELECT CAST(value AS INTEGER) FROM daemon_state WHERE name = 'figures_upto')
    AND EXISTS (SELECT 1 FROM message_figures WHERE session_id = old.session_id AND block = old.id >> 12)
BEGIN
    DELETE FROM message_figures WHERE session_id = old.session_id AND block = old.id >> 12;
    INSERT OR REPLACE INTO message_recounts (session_id, block, upto) VALUES (old.session_id, old.id >> 12, 0);
END;
