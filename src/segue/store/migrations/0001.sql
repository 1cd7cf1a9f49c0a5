-- Columns are named as the members on the wire. A plain sqlite3 may read everything here.
-- The wide columns stand last, so that a scan of a table does not walk through their overflow pages.

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
    -- Grows with every creation, append, touch and resume: the order of use that no clock can upset.
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

-- Ids of deleted sessions: a generated id is never used again.
CREATE TABLE retired_session_ids (id TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID;

-- No foreign key to sessions: a deleted session's messages are purged in slices after it (see purges).
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
    -- Whether the append continued its directory's session: what a retry under the same key is told again.
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

-- Messages of this session below this id are deleted: no reader sees them, and slices remove them.
CREATE TABLE purges (
    session_id TEXT PRIMARY KEY NOT NULL,
    before_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A memory outlives the session and the message it came from: their ids are kept as provenance.
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

-- Which words stand in which message (its id is the rowid). Without the text itself: what is taken out must be told
-- again, letter by letter, so see store/indexing.py. Merged in small steps by us: SQLite's own would stall a writer. Eight segments at a time, so that those of
-- 160 000 messages are merged no more before there are 1.3 million: the words of one term are merged in one go.
CREATE VIRTUAL TABLE message_words USING fts5 (words, tags, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO message_words (message_words, rank) VALUES ('automerge', 0), ('crisismerge', 1000), ('usermerge', 8);
CREATE VIRTUAL TABLE message_vocabulary USING fts5vocab (message_words, row);

-- How far the index is: every message up to this id is in it, and none after.
CREATE TABLE search_progress (
    upto INTEGER NOT NULL,
    words INTEGER NOT NULL,
    version TEXT NOT NULL,
    merging TEXT NOT NULL CHECK (merging IN ('no', 'due', 'begun'))
) STRICT;
INSERT INTO search_progress (upto, words, version, merging) VALUES (0, 0, '', 'no');

-- As what the messages of a session, from an id on, are in the index.
CREATE TABLE search_sessions (
    session_id TEXT NOT NULL,
    from_id INTEGER NOT NULL,
    bot_id TEXT,
    working_dir TEXT,
    name TEXT,
    PRIMARY KEY (session_id, from_id)
) STRICT, WITHOUT ROWID;

-- Sessions that were changed since.
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

-- When the messages of a block of ids were appended, so that a search of a time need not look at each.
CREATE TABLE search_times (
    block INTEGER PRIMARY KEY,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL
) STRICT;

-- What the daemon remembers of itself, such as its last cleanup.
CREATE TABLE daemon_state (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO bots (id, name, created_at) VALUES ('default', 'default', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
