-- Columns have the names of the members on the wire.
-- Wide columns are last, so that a scan of a table does not read their overflow pages.

CREATE TABLE bots (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    bot_id TEXT NOT NULL REFERENCES bots (id),
    working_dir TEXT,
    name TEXT,
    provider TEXT,
    model TEXT,
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'completed', 'crashed')),
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    attached INTEGER NOT NULL DEFAULT 0 CHECK (attached IN (0, 1)),
    -- Grows with each creation, append, touch and resume. Orders sessions by use, independent of the clock.
    activity INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    last_message_at TEXT NOT NULL,
    ended_at TEXT,
    message_count INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    metadata TEXT NOT NULL DEFAULT '{}',
    system_prompt TEXT
) STRICT;

CREATE UNIQUE INDEX sessions_by_activity ON sessions (activity);
CREATE INDEX sessions_by_place ON sessions (working_dir, bot_id, activity);
CREATE INDEX sessions_by_last_message ON sessions (last_message_at, activity);
CREATE INDEX sessions_by_creation ON sessions (created_at);
CREATE INDEX sessions_attached ON sessions (id) WHERE attached;
CREATE INDEX sessions_by_bot ON sessions (bot_id);

-- IDs of deleted sessions, because a generated ID is never used again.
CREATE TABLE retired_session_ids (id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

-- No foreign key to sessions: the messages of a deleted session are purged in slices after it (see purges).
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'system', 'tool')),
    is_summary INTEGER NOT NULL DEFAULT 0 CHECK (is_summary IN (0, 1)),
    token_count INTEGER CHECK (token_count >= 0),
    input_tokens INTEGER CHECK (input_tokens >= 0),
    output_tokens INTEGER CHECK (output_tokens >= 0),
    response_ms INTEGER CHECK (response_ms >= 0),
    model TEXT,
    stop_reason TEXT,
    key TEXT,
    -- 1 if the append continued its directory's session. A retry with the same key gets the same result.
    resumed INTEGER NOT NULL DEFAULT 0 CHECK (resumed IN (0, 1)),
    created_at TEXT NOT NULL,
    metadata TEXT NOT NULL DEFAULT '{}',
    parts TEXT,
    content TEXT NOT NULL
) STRICT;

CREATE INDEX messages_by_session ON messages (session_id);
CREATE INDEX messages_from_user ON messages (session_id) WHERE role = 'user';
CREATE INDEX messages_that_summarise ON messages (session_id) WHERE is_summary;
CREATE INDEX messages_by_key ON messages (key, session_id) WHERE key IS NOT NULL;

-- Messages of this session with a lower ID are deleted. No reader sees them; slices remove the rows.
CREATE TABLE purges (
    session_id TEXT PRIMARY KEY NOT NULL,
    before_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A memory outlives its session and its message. Their IDs are kept as its origin.
CREATE TABLE memories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    bot_id TEXT NOT NULL REFERENCES bots (id),
    session_id TEXT,
    category TEXT NOT NULL CHECK (category IN ('preference', 'fact', 'decision', 'context', 'correction')),
    importance INTEGER NOT NULL CHECK (importance BETWEEN 1 AND 5),
    source_message_id INTEGER,
    superseded_by INTEGER,
    is_manual INTEGER NOT NULL DEFAULT 0 CHECK (is_manual IN (0, 1)),
    created_at TEXT NOT NULL,
    fact TEXT NOT NULL
) STRICT;

CREATE INDEX memories_by_bot ON memories (bot_id, importance, id);
CREATE INDEX memories_by_session ON memories (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX memories_by_successor ON memories (superseded_by) WHERE superseded_by IS NOT NULL;

CREATE TABLE summaries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    messages_start INTEGER NOT NULL,
    messages_end INTEGER NOT NULL,
    token_count INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;

CREATE INDEX summaries_by_session ON summaries (session_id);

CREATE TABLE extractions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    bot_id TEXT NOT NULL,
    attempt_count INTEGER NOT NULL DEFAULT 0,
    last_attempt_at TEXT,
    next_attempt_at TEXT NOT NULL,
    leased_until TEXT,
    error_message TEXT,
    created_at TEXT NOT NULL
) STRICT;

CREATE INDEX extractions_by_session ON extractions (session_id);
CREATE INDEX extractions_by_time ON extractions (next_attempt_at);

-- The words of each message; its ID is the rowid. The index does not store the text: removing an entry needs the same
-- text again, byte for byte (see store/search/index.py). Automatic merges are off, because they stall a writer; the
-- daemon merges in small steps. A merge takes eight segments, so that the segments of 160 000 messages are merged again
-- only after 1.3 million messages. SQLite merges all entries of one word in one step.
CREATE VIRTUAL TABLE message_words USING fts5 (words, tags, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO message_words (message_words, rank) VALUES ('automerge', 0), ('crisismerge', 1000), ('usermerge', 8);
CREATE VIRTUAL TABLE message_vocabulary USING fts5vocab (message_words, row);

-- The progress of the index: it holds every message up to this ID and none after it.
CREATE TABLE search_progress (
    upto INTEGER NOT NULL,
    words INTEGER NOT NULL,
    version TEXT NOT NULL,
    merging TEXT NOT NULL CHECK (merging IN ('no', 'due', 'begun'))
) STRICT;
INSERT INTO search_progress (upto, words, version, merging) VALUES (0, 0, '', 'no');

-- The session attributes with which the index holds the messages of a session from an ID on.
CREATE TABLE search_sessions (
    session_id TEXT NOT NULL,
    from_id INTEGER NOT NULL,
    bot_id TEXT,
    working_dir TEXT,
    name TEXT,
    PRIMARY KEY (session_id, from_id)
) STRICT, WITHOUT ROWID;

-- Sessions whose attributes changed since they were indexed.
CREATE TABLE search_changes (session_id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

CREATE TRIGGER session_changed AFTER UPDATE OF name, working_dir ON sessions
WHEN old.name IS NOT new.name OR old.working_dir IS NOT new.working_dir
BEGIN
    INSERT OR IGNORE INTO search_changes (session_id)
    SELECT new.id WHERE EXISTS (SELECT 1 FROM search_sessions WHERE session_id = new.id);
END;

CREATE TRIGGER session_came_back AFTER INSERT ON sessions
WHEN EXISTS (SELECT 1 FROM search_sessions WHERE session_id = new.id)
BEGIN
    INSERT OR IGNORE INTO search_changes (session_id) VALUES (new.id);
END;

CREATE TRIGGER session_gone AFTER DELETE ON sessions
WHEN NOT EXISTS (SELECT 1 FROM messages WHERE session_id = old.id)
BEGIN
    DELETE FROM search_sessions WHERE session_id = old.id;
END;

-- The times of the messages in a block of IDs, so that a search by time reads no message outside its range.
CREATE TABLE search_times (
    block INTEGER PRIMARY KEY,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL
) STRICT;

-- Values that the daemon keeps across restarts, such as the time of its last cleanup.
CREATE TABLE daemon_state (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO bots (id, name, created_at) VALUES ('default', 'default', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
