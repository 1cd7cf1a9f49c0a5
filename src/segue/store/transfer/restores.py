"""Store sessions, memories and bots again as an export gave them.

1. A session keeps its id, its times and its counters. Messages, summaries and memories get new ids, so the caller gives
   references to messages and memories by their new ids.
2. A session may come in several calls; `first_index` says how many of its messages came before.
3. What is there already is left: a bot by its id, a summary by its range and time, a memory by its fact and time.
"""

from typing import Any, NamedTuple

from segue.errors import Conflict
from segue.events import EventKind
from segue.models import Bot, Extraction, Memory, Session, Summary
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import append, bots, extractions, memories, session_identity, sessions
from segue.store.records import messages as records
from segue.store.records.message import edit
from segue.store.records.message.idempotency import PreparedMessage
from segue.store.transfer import imports
from segue.transfer import RestoreResult

_COPIED = (
    *("name", "provider", "model", "system_prompt", "working_dir", "pinned", "project", "archived", "parent_id"),
    *("retention_days", "status", "updated_at", "last_message_at", "ended_at", "input_tokens", "output_tokens"),
)
"""The columns that are stored as they were. `message_count` is counted, and the id and its time are of the creation."""


class RestoredMessage(NamedTuple):
    """A message with what the daemon sets on a new one."""

    prepared: PreparedMessage
    updated_at: str | None
    state: str


def restore(
    tx: Tx,
    *,
    new_bots: list[Bot],
    session: Session | None,
    first_index: int,
    messages: list[RestoredMessage],
    summaries: list[Summary],
    facts: list[Memory],
    extraction: Extraction | None,
) -> RestoreResult:
    """Store everything that is not there, in one transaction.

    Raises:
        NotFound: there is no such bot.
        Conflict: another session has the id or the source (`exists`), or the session has another number of messages
            than `first_index` (`first_index`).
    """
    for bot in new_bots:
        _restore_bot(tx, bot)
    result = RestoreResult(session_id=None, created=False, message_ids=[], memory_ids=[])
    if session is not None:
        _restore_session(tx, session, first_index, messages, result)
        for summary in summaries:
            _restore_summary(tx, session, summary)
        if extraction is not None:
            extractions.restore(tx, session.id, session.bot_id, extraction)
        _set_columns(tx, session)
        kind: EventKind = "session.created" if result.created else "session.updated"
        sessions.emit(tx, kind, sessions.get(tx, session.id))
    result.memory_ids = [_restore_memory(tx, fact) for fact in facts]
    return result


def _restore_bot(tx: Tx, bot: Bot) -> None:
    """Create the bot; the default one, which every database has, gets the earlier time."""
    tx.run("UPDATE bots SET created_at = min(created_at, :at) WHERE id = :id", id=bot.id, at=bot.created_at)
    if tx.run("SELECT 1 FROM bots WHERE id = :id", id=bot.id).fetchone() is None:
        bots.create(tx, bot.id, bot.name, bot.description, bot.created_at)


def _restore_session(
    tx: Tx, session: Session, first_index: int, messages: list[RestoredMessage], result: RestoreResult
) -> None:
    result.session_id = session.id
    if sessions.exists(tx, session.id):
        stored = sessions.get(tx, session.id)
        if (stored.created_at, stored.source, stored.bot_id) != (session.created_at, session.source, session.bot_id):
            raise Conflict(f"another session has the id {session.id!r}", reason="exists")
        count = stored.message_count
    else:
        _create(tx, session)
        if session.source is not None and isinstance(parent := session.metadata.get(imports.WANTED_PARENT), str):
            imports.mark_wanted(tx, session.source.tool, parent)
        result.created = True
        count = 0
    if count != first_index:
        raise Conflict(f"the session has {count} messages, not {first_index}", reason="first_index")
    appended = append.append_many(tx, session.id, [message.prepared for message in messages], _KEEP)
    result.message_ids = appended.message_ids
    for id, message in zip(appended.message_ids, messages, strict=True):
        if message.updated_at is not None or message.state != "complete":
            # A message that was streaming when it was exported is no longer written.
            state = "interrupted" if message.state == "streaming" else message.state
            sql = "UPDATE messages SET updated_at = :at, state = :state WHERE id = :id"
            tx.run(sql, id=id, at=message.updated_at, state=state)
            edit.emit_updated(tx, records.get(tx, id))


_KEEP = append.Options(on_key="keep")


def _create(tx: Tx, session: Session) -> None:
    source = session.source
    if source is not None:
        sql = "SELECT id FROM sessions WHERE source_tool = :tool AND source_id = :id"
        if (other := tx.run(sql, tool=source.tool, id=source.id).fetchone()) is not None:
            raise Conflict(f"session {other[0]!r} has the same source", reason="exists")
        session_identity.reinstate_source(tx, source.tool, source.id)
    sessions.create(tx, bot_id=session.bot_id, id=session.id, created_at=session.created_at, emit_event=False)
    tx.run("DELETE FROM retired_session_ids WHERE id = :id", id=session.id)


def _set_columns(tx: Tx, session: Session) -> None:
    values: dict[str, Any] = {name: getattr(session, name) for name in _COPIED}
    values |= {"tags": encode_json(sorted(set(session.tags))), "metadata": encode_json(session.metadata)}
    source = session.source
    values |= {f"source_{name}": None if source is None else getattr(source, name) for name in ("tool", "id", "path")}
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(f"UPDATE sessions SET {assignments} WHERE id = :session_id", session_id=session.id, **values)


def _restore_summary(tx: Tx, session: Session, summary: Summary) -> None:
    tx.run(
        """
        INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)
        SELECT :session_id, :messages_start, :messages_end, :token_count, :created_at, :summary
        WHERE NOT EXISTS (
            SELECT 1 FROM summaries WHERE session_id = :session_id AND created_at = :created_at AND summary = :summary
        )
        """,
        session_id=session.id,
        messages_start=summary.messages_start,
        messages_end=summary.messages_end,
        token_count=summary.token_count,
        created_at=summary.created_at,
        summary=summary.summary,
    )


def _restore_memory(tx: Tx, fact: Memory) -> int:
    """Return the id of the memory, whose `superseded_by` is set if it is given."""
    bots.require(tx, fact.bot_id)
    sql = """
        SELECT id FROM memories
        WHERE bot_id = :bot_id AND session_id IS :session_id AND created_at = :created_at AND fact = :fact
    """
    values = {name: getattr(fact, name) for name in memories.COLUMNS if name != "id"}
    found = tx.run(sql, **{name: values[name] for name in ("bot_id", "session_id", "created_at", "fact")}).fetchone()
    if found is None:
        names = ", ".join(values)
        places = ", ".join(f":{name}" for name in values)
        memory_id = tx.run(f"INSERT INTO memories ({names}) VALUES ({places})", **values).lastrowid or 0
    else:
        memory_id = int(found[0])
        if fact.superseded_by is None:
            return memory_id
        sql = "UPDATE memories SET superseded_by = :successor WHERE id = :id"
        tx.run(sql, id=memory_id, successor=fact.superseded_by)
    memories.emit_saved(tx, [memory_id])
    return memory_id
