-- The number of changes of messages in the index other than additions, so that counts of matches can be remembered.
ALTER TABLE search_progress ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;

-- Indexes for lists of sessions. An append changes none of them.

-- The sessions that were changed after their last message. The list by updated_at merges them with the others.
CREATE INDEX sessions_updated_later ON sessions (updated_at, activity) WHERE updated_at <> last_message_at;

-- Names that a search without regard to case cannot find by LIKE.
CREATE INDEX sessions_by_unicode_name ON sessions (name) WHERE length(name) <> length(CAST(name AS BLOB));

CREATE INDEX sessions_pinned ON sessions (id) WHERE pinned;
-- Also to count the sessions that are not archived.
CREATE INDEX sessions_archived ON sessions (id) WHERE archived;

-- The sessions that terminals hold, of which resolve counts the ones used in the last hours.
CREATE INDEX sessions_by_terminal ON sessions (terminal_at) WHERE terminal IS NOT NULL;
