"""Create, list and delete bots, which own sessions and memories."""

from typing import Any

from segue.errors import Conflict, NotFound
from segue.events import BotDeletedEvent, MemoryDeleted, SessionDeleted
from segue.models import Bot
from segue.results import BotDeleted, BotList
from segue.store.engine.rows import decode, fetch_row, fill_page, iterate_table
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
    row = fetch_row(tx, "bot", bot_id, f"{_SELECT} WHERE id = :id", id=bot_id)
    if row is None:
        raise NotFound("bot", bot_id)
    return _to_bot(row)


def list_page(tx: Tx, *, limit: int, offset: int, answer_bytes: int) -> BotList:
    """Return one page of the bots in order of creation; it ends early when it exceeds `answer_bytes`."""
    total = tx.run("SELECT count(*) FROM bots").fetchone()[0]
    rest = "ORDER BY rowid LIMIT :limit OFFSET :offset"
    found = iterate_table(tx, "bot", _to_bot, _SELECT, rest, limit=limit, offset=offset)
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


def delete(tx: Tx, bot_id: str) -> BotDeleted:
    """Delete the bot with its sessions and memories, and return their numbers.

    Messages are hidden with the commit and purged later. Summaries and extractions are deleted with their sessions.

    Raises:
        Conflict: the bot is the default one.
    """
    if bot_id == DEFAULT:
        raise Conflict("the default bot cannot be deleted", reason="default_bot")
    tx.run("INSERT OR IGNORE INTO retired_session_ids (id) SELECT id FROM sessions WHERE bot_id = :id", id=bot_id)
    imported = "SELECT source_tool, source_id FROM sessions WHERE bot_id = :id AND source_tool IS NOT NULL"
    for tool, source_id in tx.run(imported, id=bot_id).fetchall():
        session_identity.retire_source(tx, tool, source_id)
    tx.run(
        """
        INSERT INTO purges (session_id, before_id)
        SELECT id, (SELECT max(m.id) + 1 FROM messages AS m WHERE m.session_id = sessions.id)
        FROM sessions WHERE bot_id = :id AND EXISTS (SELECT 1 FROM messages AS m WHERE m.session_id = sessions.id)
        ON CONFLICT (session_id) DO UPDATE SET before_id = excluded.before_id
        """,
        id=bot_id,
    )
    memories = _delete_memories(tx, bot_id)
    sessions = _delete_sessions(tx, bot_id)
    deleted = tx.run("DELETE FROM bots WHERE id = :id", id=bot_id).rowcount > 0
    if deleted:
        event = BotDeletedEvent(bot_id=bot_id)
        tx.emit("bot.deleted", event, session_id=None, working_dir=None, bot_id=bot_id)
    return BotDeleted(deleted=deleted, sessions_deleted=sessions, memories_deleted=memories)


def _delete_sessions(tx: Tx, bot_id: str) -> int:
    rows = tx.run("SELECT id, working_dir FROM sessions WHERE bot_id = :id ORDER BY activity", id=bot_id).fetchall()
    tx.run("DELETE FROM sessions WHERE bot_id = :id", id=bot_id)
    for session_id, working_dir in rows:
        event = SessionDeleted(session_id=session_id)
        tx.emit("session.deleted", event, session_id=session_id, working_dir=working_dir, bot_id=bot_id)
    return len(rows)


def _delete_memories(tx: Tx, bot_id: str) -> int:
    rows = tx.run(
        """
        SELECT m.id, m.session_id, s.working_dir
        FROM memories AS m LEFT JOIN sessions AS s ON s.id = m.session_id WHERE m.bot_id = :id ORDER BY m.id
        """,
        id=bot_id,
    ).fetchall()
    tx.run("DELETE FROM memories WHERE bot_id = :id", id=bot_id)
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
