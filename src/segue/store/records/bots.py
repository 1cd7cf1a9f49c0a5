"""Bots: who owns sessions and memories."""

from segue.errors import Conflict, NotFound
from segue.events import SessionDeleted
from segue.models import Bot
from segue.results import BotDeleted
from segue.store.engine.rows import decode
from segue.store.engine.tx import Tx

COLUMNS = ("id", "name", "description", "created_at")

DEFAULT = "default"
"""The bot that every file has and keeps."""


def require(tx: Tx, bot_id: str) -> None:
    """NotFound unless there is such a bot."""
    if tx.run("SELECT 1 FROM bots WHERE id = :id", id=bot_id).fetchone() is None:
        raise NotFound("bot", bot_id)


def get(tx: Tx, bot_id: str) -> Bot:
    """The bot; NotFound if there is none."""
    row = tx.run("SELECT id, name, description, created_at FROM bots WHERE id = :id", id=bot_id).fetchone()
    if row is None:
        raise NotFound("bot", bot_id)
    return decode(Bot, "bot", COLUMNS, row)


def list_all(tx: Tx) -> list[Bot]:
    """All bots in the order of their making."""
    rows = tx.run("SELECT id, name, description, created_at FROM bots ORDER BY rowid")
    return [decode(Bot, "bot", COLUMNS, row) for row in rows]


def create(tx: Tx, bot_id: str, name: str, description: str | None) -> Bot:
    """A new bot; Conflict if the id exists."""
    if tx.run("SELECT 1 FROM bots WHERE id = :id", id=bot_id).fetchone():
        raise Conflict(f"bot {bot_id!r} exists", reason="exists")
    tx.run(
        "INSERT INTO bots (id, name, description, created_at) VALUES (:id, :name, :description, :at)",
        id=bot_id,
        name=name,
        description=description,
        at=tx.at,
    )
    return get(tx, bot_id)


def delete(tx: Tx, bot_id: str) -> BotDeleted:
    """What went with the bot: its sessions with all they hold, its memories. Conflict for the default bot.

    Messages are hidden at once and purged later; summaries and extractions go with their sessions.
    """
    if bot_id == DEFAULT:
        raise Conflict("the default bot cannot be deleted", reason="default_bot")
    tx.run("INSERT OR IGNORE INTO retired_session_ids (id) SELECT id FROM sessions WHERE bot_id = :id", id=bot_id)
    tx.run(
        """
        INSERT INTO purges (session_id, before_id)
        SELECT id, (SELECT max(m.id) + 1 FROM messages AS m WHERE m.session_id = sessions.id)
        FROM sessions WHERE bot_id = :id AND EXISTS (SELECT 1 FROM messages AS m WHERE m.session_id = sessions.id)
        ON CONFLICT (session_id) DO UPDATE SET before_id = excluded.before_id
        """,
        id=bot_id,
    )
    gone = tx.run("SELECT id, working_dir FROM sessions WHERE bot_id = :id ORDER BY activity", id=bot_id).fetchall()
    tx.run("DELETE FROM sessions WHERE bot_id = :id", id=bot_id)
    for session_id, working_dir in gone:
        tx.emit(
            "session.deleted",
            SessionDeleted(session_id=session_id),
            session_id=session_id,
            working_dir=working_dir,
            bot_id=bot_id,
        )
    memories = tx.run("DELETE FROM memories WHERE bot_id = :id", id=bot_id).rowcount
    deleted = tx.run("DELETE FROM bots WHERE id = :id", id=bot_id).rowcount > 0
    return BotDeleted(deleted=deleted, sessions_deleted=len(gone), memories_deleted=memories)
