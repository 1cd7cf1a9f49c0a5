-- The search index of version 2. It is filled again from the messages.

-- One column: words of the message, then marked words of its session. Sessions have negative rowids.
DROP TABLE message_vocabulary;
DROP TABLE message_words;
CREATE VIRTUAL TABLE message_words USING fts5 (words, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO message_words (message_words, rank) VALUES ('automerge', 0), ('crisismerge', 1000), ('usermerge', 8);
CREATE VIRTUAL TABLE message_vocabulary USING fts5vocab (message_words, row);
CREATE VIRTUAL TABLE message_occurrences USING fts5vocab (message_words, instance);

-- The session attributes that messages are indexed with: a JSON array for the messages from an id on.
DROP TRIGGER session_gone;
DROP TRIGGER session_changed;
DROP TRIGGER session_came_back;
DROP TABLE search_sessions;
CREATE TABLE search_sessions (
    session_id TEXT NOT NULL,
    from_id INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (session_id, from_id)
) STRICT, WITHOUT ROWID;

-- The text of each session's entry in the index; its rowid there is -id.
CREATE TABLE search_names (
    id INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
) STRICT;

-- Deleted sessions whose entry is to be removed.
CREATE TABLE search_deletions (session_id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

-- For each block of 1024 message ids: the first and last time, and a byte for the length of each message.
DROP TABLE search_times;
CREATE TABLE search_times (
    block INTEGER PRIMARY KEY,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    lengths BLOB NOT NULL
) STRICT;

-- search_changes lists the sessions whose attributes, name or summary differ from the index.
CREATE TRIGGER session_changed AFTER UPDATE OF name, working_dir, project, tags, source_tool ON sessions
WHEN old.name IS NOT new.name OR old.working_dir IS NOT new.working_dir OR old.project IS NOT new.project
    OR old.tags IS NOT new.tags OR old.source_tool IS NOT new.source_tool
BEGIN
    INSERT OR IGNORE INTO search_changes (session_id) VALUES (new.id);
END;

CREATE TRIGGER session_created AFTER INSERT ON sessions
WHEN new.name IS NOT NULL OR EXISTS (SELECT 1 FROM search_sessions WHERE session_id = new.id)
BEGIN
    INSERT OR IGNORE INTO search_changes (session_id) VALUES (new.id);
END;

CREATE TRIGGER session_deleted AFTER DELETE ON sessions
BEGIN
    DELETE FROM search_sessions
    WHERE session_id = old.id AND NOT EXISTS (SELECT 1 FROM messages WHERE session_id = old.id);
    INSERT OR IGNORE INTO search_deletions (session_id)
    SELECT old.id WHERE EXISTS (SELECT 1 FROM search_names WHERE session_id = old.id);
END;

CREATE TRIGGER summary_saved AFTER INSERT ON summaries
BEGIN
    INSERT OR IGNORE INTO search_changes (session_id) VALUES (new.session_id);
END;

CREATE TRIGGER summary_changed AFTER UPDATE OF summary ON summaries
BEGIN
    INSERT OR IGNORE INTO search_changes (session_id) VALUES (new.session_id);
END;

CREATE TRIGGER summary_deleted AFTER DELETE ON summaries
BEGIN
    INSERT OR IGNORE INTO search_changes (session_id) VALUES (old.session_id);
END;

INSERT OR IGNORE INTO search_changes (session_id) SELECT id FROM sessions;
UPDATE search_progress SET upto = 0, words = 0, version = '', merging = 'no';
