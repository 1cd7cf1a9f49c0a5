-- Sessions: project, tags, archive, parent, origin, own retention and terminal. Messages: changes in place.
-- The new columns of messages have no CHECK, because SQLite would read the whole table to verify it.

ALTER TABLE sessions ADD COLUMN project TEXT;
-- A JSON array of strings, sorted.
ALTER TABLE sessions ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sessions ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1));
ALTER TABLE sessions ADD COLUMN parent_id TEXT;
-- Where an imported session comes from: the member `source` of the wire.
ALTER TABLE sessions ADD COLUMN source_tool TEXT;
ALTER TABLE sessions ADD COLUMN source_id TEXT;
ALTER TABLE sessions ADD COLUMN source_path TEXT;
-- NULL: the configured number of days. 0: never deleted for its age.
ALTER TABLE sessions ADD COLUMN retention_days INTEGER CHECK (retention_days >= 0);
-- The terminal that last resolved, resumed or appended to the session, and when.
ALTER TABLE sessions ADD COLUMN terminal TEXT;
ALTER TABLE sessions ADD COLUMN terminal_at TEXT;

ALTER TABLE messages ADD COLUMN updated_at TEXT;
-- complete, streaming or interrupted.
ALTER TABLE messages ADD COLUMN state TEXT NOT NULL DEFAULT 'complete';
-- 0: the search index holds none of its text.
ALTER TABLE messages ADD COLUMN indexed INTEGER NOT NULL DEFAULT 1;

CREATE INDEX sessions_by_project ON sessions (project, bot_id, activity) WHERE project IS NOT NULL;
CREATE INDEX sessions_by_parent ON sessions (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX sessions_by_source ON sessions (source_tool, source_id) WHERE source_tool IS NOT NULL;
CREATE INDEX sessions_by_name ON sessions (name) WHERE name IS NOT NULL;
CREATE INDEX sessions_by_retention ON sessions (retention_days) WHERE retention_days IS NOT NULL;
CREATE INDEX sessions_not_archived ON sessions (last_message_at, activity) WHERE NOT archived;

CREATE INDEX messages_streaming ON messages (id) WHERE state = 'streaming';

CREATE INDEX memories_by_fact ON memories (bot_id, substr(fact, 1, 64)) WHERE superseded_by IS NULL;

CREATE INDEX extractions_open ON extractions (next_attempt_at, id) WHERE attempt_count < 3;
CREATE INDEX extractions_open_of_bot ON extractions (bot_id, next_attempt_at, id) WHERE attempt_count < 3;

-- The results of message.replace by key, so that a retry gets the first one. They hold no text.
CREATE TABLE message_replacements (
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (session_id, key)
) STRICT, WITHOUT ROWID;
