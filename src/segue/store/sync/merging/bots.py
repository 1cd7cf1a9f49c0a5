"""Merge bots. A bot is here while its last change left it alive, or while a session or memory refers to it."""

from segue.events import BotDeletedEvent
from segue.store.engine.tx import Tx
from segue.store.records import bots
from segue.store.sync import account
from segue.store.sync.wire import BotRecord


def merge(tx: Tx, record: BotRecord) -> None:
    """Merge the record."""
    row = tx.run(
        "SELECT b.stamp, m.uid FROM sync_bots AS b JOIN sync_machines AS m ON m.n = b.machine WHERE b.id = :id",
        id=record.id,
    ).fetchone()
    if row is not None and (row[0], bytes(row[1])) >= (record.stamp, record.machine):
        return
    tx.run(
        "INSERT OR REPLACE INTO sync_bots (id, alive, stamp, machine) VALUES (:id, :alive, :stamp, :machine)",
        id=record.id,
        alive=record.alive,
        stamp=record.stamp,
        machine=account.machine_number(tx, record.machine),
    )
    if not record.alive:  # What still refers to it keeps the bot, but not its texts.
        tx.run("UPDATE bots SET name = id, description = NULL WHERE id = :id", id=record.id)
        return
    ensure(tx, record.id)
    tx.run(
        "UPDATE bots SET name = :name, description = :description, created_at = :created_at WHERE id = :id",
        id=record.id,
        name=record.name,
        description=record.description,
        created_at=record.created_at,
    )


def ensure(tx: Tx, bot_id: str) -> None:
    """Create the bot if it is not here; its name comes with its record."""
    if tx.run("SELECT 1 FROM bots WHERE id = :id", id=bot_id).fetchone() is None:
        bots.create(tx, bot_id, bot_id, None)


def settle(tx: Tx) -> None:
    """Delete the bots that were deleted and that nothing refers to any more."""
    gone = tx.run(
        """
        SELECT b.id FROM sync_bots AS k JOIN bots AS b ON b.id = k.id
        WHERE NOT k.alive AND NOT EXISTS (SELECT 1 FROM sessions WHERE bot_id = b.id)
          AND NOT EXISTS (SELECT 1 FROM memories WHERE bot_id = b.id)
        """
    ).fetchall()
    for (bot_id,) in gone:
        tx.run("DELETE FROM bots WHERE id = :id", id=bot_id)
        tx.emit("bot.deleted", BotDeletedEvent(bot_id=bot_id), session_id=None, working_dir=None, bot_id=bot_id)
