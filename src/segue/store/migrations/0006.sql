-- System prompts of more than 2000 characters, because an append rewrites its session's row. The column of sessions holds
-- shorter ones, and longer ones of earlier versions until they change. A read of the prompt reads this table first.
CREATE TABLE session_prompts (
    session_id TEXT PRIMARY KEY NOT NULL,
    system_prompt TEXT NOT NULL
) STRICT;

CREATE TRIGGER prompt_changed AFTER UPDATE OF system_prompt ON sessions
BEGIN
    DELETE FROM session_prompts WHERE session_id = new.id;
    INSERT INTO session_prompts (session_id, system_prompt)
    SELECT new.id, new.system_prompt WHERE length(new.system_prompt) > 2000;
    -- This fires no trigger again, because recursive triggers are off.
    UPDATE sessions SET system_prompt = NULL WHERE id = new.id AND length(new.system_prompt) > 2000;
END;

CREATE TRIGGER prompt_given AFTER INSERT ON sessions WHEN length(new.system_prompt) > 2000
BEGIN
    UPDATE sessions SET system_prompt = new.system_prompt WHERE id = new.id;
END;

CREATE TRIGGER prompt_deleted AFTER DELETE ON sessions
BEGIN
    DELETE FROM session_prompts WHERE session_id = old.id;
END;

-- A list counts all sessions but these few, in which frameworks store data.
CREATE INDEX sessions_of_stores ON sessions (id) WHERE instr(metadata, '"segue.kind":"store"');
