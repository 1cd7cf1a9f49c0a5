"""Create, list and delete bots, which own sessions and memories."""

import json
from typing import Any

from segue.errors import Conflict, NotFound
from segue.events import BotDeletedEvent, MemoryDeleted, SessionDeleted
from segue.models import MAX_INTEGER, Bot
from segue.results import BotDeleted, BotList
from segue.store.engine.rows import decode, fill_page, iterate_valid
from segue.store.engine.tx import Tx
from segue.store.records import session_identity

COLUMNS = Bot.__struct_fields__
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM bots"

DEFAULT = "default"
"""The bot that every database has; it cannot be deleted."""


def require(tx: Tx, bot_id: str) -> None:
    """Raise NotFound unless there is such a bot."""
    if tx.run("SELECT 1 FROM bots WHERE id = :id", id=bot_id).fetchone() is None:
        raise NotFound("bot", bot_id)


def get(tx: Tx, bot_id: str) -> Bot:
    """Return the bot.

    Raises:
        NotFound: there is no such bot.
        InvalidData: the row cannot be decoded.
    """
    row = tx.run(f"{_SELECT} WHERE id = :id", id=bot_id).fetchone()
    if row is None:
        raise NotFound("bot", bot_id)
    return _to_bot(row)


def list_page(tx: Tx, *, limit: int, offset: int, answer_bytes: int) -> BotList:
    """Return one page of the bots in order of creation; it ends early when it exceeds `answer_bytes`."""
    total = tx.run("SELECT count(*) FROM bots").fetchone()[0]
    sql = f"{_SELECT} ORDER BY rowid LIMIT :limit OFFSET :offset"
    found = iterate_valid(tx, _to_bot, sql, limit=limit, offset=offset)
    return BotList(bots=fill_page(found, answer_bytes), total=total)


def create(tx: Tx, bot_id: str, name: str, description: str | None, created_at: str | None = None) -> Bot:
    """Create a bot, with a time of its own if it is restored.

    Raises:
        Conflict: the id exists.
    """
    if tx.run("SELECT 1 FROM bots WHERE id = :id", id=bot_id).fetchone():
        raise Conflict(f"bot {bot_id!r} exists", reason="exists")
    tx.run(
        "INSERT INTO bots (id, name, description, created_at) VALUES (:id, :name, :description, :at)",
        id=bot_id,
        name=name,
        description=description,
        at=created_at or tx.at,
    )
    bot = get(tx, bot_id)
    tx.emit("bot.created", bot, session_id=None, working_dir=None, bot_id=bot_id)
    return bot


def delete_slice(tx: Tx, bot_id: str, limit: int = MAX_INTEGER) -> BotDeleted:
    """Delete at most `limit` of the bot's memories and sessions, and the bot itself if that leaves none.

    Messages are hidden with the commit and purged later. Summaries and extractions are deleted with their sessions.

    Raises:
        Conflict: the bot is the default one.
    """
    if bot_id == DEFAULT:
        raise Conflict("the default bot cannot be deleted", reason="default_bot")
    memories = _delete_memories(tx, bot_id, limit)
    sessions = _delete_sessions(tx, bot_id, limit - memories)
    deleted = memories + sessions < limit and tx.run("DELETE FROM bots WHERE id = :id", id=bot_id).rowcount > 0
    if deleted:
        event = BotDeletedEvent(bot_id=bot_id)
        tx.emit("bot.deleted", event, session_id=None, working_dir=None, bot_id=bot_id)
    return BotDeleted(deleted=deleted, sessions_deleted=sessions, memories_deleted=memories)


def _delete_sessions(tx: Tx, bot_id: str, limit: int) -> int:
    found = (
        "SELECT id, working_dir, source_tool, source_id FROM sessions WHERE bot_id = :id ORDER BY rowid LIMIT :limit"
    )
    rows = tx.run(found, id=bot_id, limit=limit).fetchall()
    ids = json.dumps([session_id for session_id, *_ in rows])
    tx.run("INSERT OR IGNORE INTO retired_session_ids (id) SELECT value FROM json_each(:ids)", ids=ids)
    tx.run(
        """
        INSERT INTO purges (session_id, before_id)
        SELECT value, (SELECT max(m.id) + 1 FROM messages AS m WHERE m.session_id = value)
        FROM json_each(:ids) WHERE EXISTS (SELECT 1 FROM messages AS m WHERE m.session_id = value)
        ON CONFLICT (session_id) DO UPDATE SET before_id = excluded.before_id
        """,
        ids=ids,
    )
    tx.run("DELETE FROM sessions WHERE id IN (SELECT value FROM json_each(:ids))", ids=ids)
    for session_id, working_dir, source_tool, source_id in rows:
        if source_id is not None:
            session_identity.retire_source(tx, source_tool, source_id)
        event = SessionDeleted(session_id=session_id)
        tx.emit("session.deleted", event, session_id=session_id, working_dir=working_dir, bot_id=bot_id)
    return len(rows)


def _delete_memories(tx: Tx, bot_id: str, limit: int = MAX_INTEGER) -> int:
    rows = tx.run(
        """
        SELECT m.id, m.session_id, s.working_dir
        FROM memories AS m LEFT JOIN sessions AS s ON s.id = m.session_id
        WHERE m.bot_id = :id ORDER BY m.importance, m.id LIMIT :limit
        """,
        id=bot_id,
        limit=limit,
    ).fetchall()
    ids = json.dumps([memory_id for memory_id, *_ in rows])
    tx.run("DELETE FROM memories WHERE id IN (SELECT value FROM json_each(:ids))", ids=ids)
    for memory_id, session_id, working_dir in rows:
        event = MemoryDeleted(memory_id=memory_id)
        tx.emit("memory.deleted", event, session_id=session_id, working_dir=working_dir, bot_id=bot_id)
    return len(rows)


def delete_memories(tx: Tx, bot_id: str) -> int:
    """Delete all memories of the bot and return their number.

    Raises:
        NotFound: there is no such bot.
    """
    require(tx, bot_id)
    return _delete_memories(tx, bot_id)


def _to_bot(row: tuple[Any, ...]) -> Bot:
    return decode(Bot, "bot", COLUMNS, row)
