-- Sync: one history on several machines. All tables are empty until `segue sync init` or `segue sync join`.
-- A machine is named by its number here. Kinds of rows: 0 message, 1 memory, 2 summary.

-- One row while sync is on.
CREATE TABLE sync_account (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    url TEXT NOT NULL,
    -- The name and the number of this machine.
    name TEXT NOT NULL,
    machine INTEGER NOT NULL,
    -- What publishes this database from a copy of it.
    fingerprint TEXT NOT NULL,
    -- The newest stamp of a change: 48 bits of milliseconds and a counter of 16 bits.
    stamp INTEGER NOT NULL DEFAULT 0,
    -- The newest batch that is sealed here, and the newest that the hub has accepted.
    sealed INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0,
    -- Rows of this machine up to these ids are in sealed batches, and in accepted ones.
    sealed_message INTEGER NOT NULL DEFAULT 0,
    accepted_message INTEGER NOT NULL DEFAULT 0,
    accepted_memory INTEGER NOT NULL DEFAULT 0,
    accepted_summary INTEGER NOT NULL DEFAULT 0,
    -- Messages of all machines up to this id are published again, because the hub lost batches.
    republish_message INTEGER NOT NULL DEFAULT 0,
    -- When both directions were last done.
    synced_at TEXT,
    -- The difference to the hub's clock or to other machines at that time, in milliseconds; NULL if unknown.
    clock_error INTEGER,
    -- Sessions that other machines deleted since a time in milliseconds, and whether a person accepted more of them.
    deletions INTEGER NOT NULL DEFAULT 0,
    deletions_since INTEGER NOT NULL DEFAULT 0,
    deletions_waiting INTEGER NOT NULL DEFAULT 0,
    -- 1 if sessions that other machines used last are continued here.
    anywhere INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE sync_machines (
    n INTEGER PRIMARY KEY,
    uid BLOB NOT NULL UNIQUE,
    name TEXT,
    -- The newest batch that is applied here.
    pulled INTEGER NOT NULL DEFAULT 0,
    -- The newest batch that another machine has seen.
    claimed INTEGER NOT NULL DEFAULT 0,
    -- The clock of the machine in its newest batch, in milliseconds.
    at INTEGER,
    forgotten INTEGER NOT NULL DEFAULT 0,
    -- 1 for what this database was before it was put back in an older state: no other machine writes by that name.
    former INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The machine that this database was, for rows from an id on. It changes when the database is copied or restored.
CREATE TABLE sync_epochs (
    kind INTEGER NOT NULL,
    first_id INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    PRIMARY KEY (kind, first_id)
) STRICT, WITHOUT ROWID;

-- Rows of other machines: their id there and, of a message, its run.
CREATE TABLE sync_imported (
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    oid INTEGER NOT NULL,
    run INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sync_imported_by_identity ON sync_imported (machine, kind, oid);

-- Rows that were deleted, by identity.
CREATE TABLE sync_dead (
    kind INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    oid INTEGER NOT NULL,
    PRIMARY KEY (kind, machine, oid)
) STRICT, WITHOUT ROWID;

-- The last change in place of a row.
CREATE TABLE sync_stamps (
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    machine INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- The run of this machine's messages of a session from an id on; 0 before the first row.
CREATE TABLE sync_runs (
    session_id TEXT NOT NULL,
    first_id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (session_id, first_id)
) STRICT, WITHOUT ROWID;

-- Sessions of all machines. id is NULL when the session is not here; wire_id is its first id anywhere.
-- state: 0 alive, the stamp of its last expiry (then alive while it has messages), or 1 << 62 if it was deleted.
-- fields: by name the stamp, machine and hash of the value, and when it changed here; NULL before the first publication.
-- parent: the uid of another machine's parent, which may come later.
-- twin: of a session that was here before its record came, the newest message whose record came too.
-- published: the newest stamp of this machine when the hub last accepted fields of the session.
-- tokens: by machine the input and output tokens that it counted.
CREATE TABLE sync_sessions (
    uid BLOB PRIMARY KEY NOT NULL,
    id TEXT UNIQUE,
    wire_id TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    parent BLOB,
    twin INTEGER,
    fields BLOB,
    published INTEGER NOT NULL DEFAULT -1,
    tokens BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX sync_sessions_by_parent ON sync_sessions (parent) WHERE parent IS NOT NULL;
CREATE INDEX sync_sessions_expired ON sync_sessions (state) WHERE state > 0 AND id IS NOT NULL;

-- The session and the source message of a memory, by identity, and a hash of what a change in place changes.
CREATE TABLE sync_memories (
    id INTEGER PRIMARY KEY,
    hash BLOB,
    session BLOB,
    source_machine INTEGER,
    source_oid INTEGER
) STRICT;

CREATE INDEX sync_memories_by_session ON sync_memories (session) WHERE session IS NOT NULL;
CREATE INDEX sync_memories_by_source ON sync_memories (source_machine, source_oid) WHERE source_oid IS NOT NULL;

-- Of each summary: its number in the session, the place of the last message that it covers, and the first one.
CREATE TABLE sync_summaries (
    id INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    run INTEGER NOT NULL,
    machine BLOB NOT NULL,
    oid INTEGER NOT NULL,
    start_machine BLOB NOT NULL,
    start_oid INTEGER NOT NULL
) STRICT;

CREATE INDEX sync_summaries_by_end ON sync_summaries (machine, oid);
CREATE INDEX sync_summaries_by_start ON sync_summaries (start_machine, start_oid);

-- Which memory superseded which; rows of deleted memories stay.
CREATE TABLE sync_edges (
    old_machine INTEGER NOT NULL,
    old_oid INTEGER NOT NULL,
    new_machine INTEGER NOT NULL,
    new_oid INTEGER NOT NULL,
    PRIMARY KEY (old_machine, old_oid, new_machine, new_oid)
) STRICT, WITHOUT ROWID;

CREATE INDEX sync_edges_by_new ON sync_edges (new_machine, new_oid);

CREATE TABLE sync_bots (
    id TEXT PRIMARY KEY NOT NULL,
    alive INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    machine INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sessions that another machine used last, with the newest message id of that time.
CREATE TABLE sync_elsewhere (
    session_id TEXT PRIMARY KEY NOT NULL,
    upto INTEGER NOT NULL,
    machine INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is to be published: kind and reference. A further change gets a new number.
CREATE TABLE sync_dirty (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    ref ANY NOT NULL,
    UNIQUE (kind, ref)
) STRICT;

-- Records that came before their session, encoded.
CREATE TABLE sync_held (
    n INTEGER PRIMARY KEY,
    session BLOB NOT NULL,
    record BLOB NOT NULL,
    UNIQUE (session, record)
) STRICT;

-- The sealed batch that the hub has not accepted yet, the stamp and the ids up to which it holds what this machine did,
-- and the numbers of what it publishes, as a JSON array.
CREATE TABLE sync_outbox (
    number INTEGER PRIMARY KEY,
    token BLOB NOT NULL,
    body BLOB NOT NULL,
    stamp INTEGER NOT NULL,
    message INTEGER NOT NULL,
    memory INTEGER NOT NULL,
    summary INTEGER NOT NULL,
    dirty TEXT NOT NULL
) STRICT;

-- What each batch holds: a session with the messages of one machine from an id to another, or one other thing.
CREATE TABLE sync_contents (
    thing BLOB NOT NULL,
    machine INTEGER NOT NULL,
    number INTEGER NOT NULL,
    author INTEGER NOT NULL DEFAULT 0,
    first INTEGER NOT NULL DEFAULT 0,
    last INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (thing, machine, number, author)
) STRICT, WITHOUT ROWID;

CREATE INDEX sync_contents_by_batch ON sync_contents (machine, number);

-- Batches that hold something deleted or changed since.
CREATE TABLE sync_erase (
    machine INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (machine, number)
) STRICT, WITHOUT ROWID;

-- Messages whose rows are gone, until their deletion is noted for other machines.
CREATE TABLE sync_removed (
    id INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL,
    machine INTEGER,
    oid INTEGER
) STRICT;

CREATE INDEX sync_removed_by_session ON sync_removed (session_id);

CREATE TRIGGER synced_message_deleted AFTER DELETE ON messages WHEN EXISTS (SELECT 1 FROM sync_account)
BEGIN
    INSERT OR IGNORE INTO sync_removed (id, session_id, machine, oid)
    SELECT old.id, old.session_id, i.machine, i.oid
    FROM (SELECT 1) LEFT JOIN sync_imported AS i ON i.kind = 0 AND i.id = old.id;
    DELETE FROM sync_imported WHERE kind = 0 AND id = old.id;
    DELETE FROM sync_stamps WHERE kind = 0 AND id = old.id;
END;

CREATE TRIGGER synced_summary_deleted AFTER DELETE ON summaries WHEN EXISTS (SELECT 1 FROM sync_account)
BEGIN
    DELETE FROM sync_imported WHERE kind = 2 AND id = old.id;
    DELETE FROM sync_stamps WHERE kind = 2 AND id = old.id;
    DELETE FROM sync_summaries WHERE id = old.id;
END;

CREATE TRIGGER synced_session_deleted AFTER DELETE ON sessions WHEN EXISTS (SELECT 1 FROM sync_account)
BEGIN
    DELETE FROM sync_runs WHERE session_id = old.id;
    DELETE FROM sync_elsewhere WHERE session_id = old.id;
END;

-- The place of each message in its conversation: run, machine and id there.
CREATE VIEW sync_order AS
SELECT
    m.id AS id,
    m.session_id AS session_id,
    coalesce(i.run, (
        SELECT r.run FROM sync_runs AS r WHERE r.session_id = m.session_id AND r.first_id <= m.id
        ORDER BY r.first_id DESC LIMIT 1
    ), 0) AS run,
    (
        SELECT uid FROM sync_machines WHERE n = coalesce(i.machine, (
            SELECT e.machine FROM sync_epochs AS e WHERE e.kind = 0 AND e.first_id <= m.id
            ORDER BY e.first_id DESC LIMIT 1
        ))
    ) AS machine,
    coalesce(i.oid, m.id) AS oid
FROM messages AS m LEFT JOIN sync_imported AS i ON i.kind = 0 AND i.id = m.id;
