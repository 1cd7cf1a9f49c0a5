"""Recognize what is here already but was never published: after `segue sync leave`, or from a backup.

A twin gets the identity that another machine published, so that nothing is there twice.
"""

from typing import Any

from segue.store.engine.tx import Tx
from segue.store.sync import account, contents, edges, kinds, own_sessions
from segue.store.sync.kinds import MEMORY, MESSAGE, SUMMARY, Identity
from segue.store.sync.wire import MemoryRecord, MessageRecord, SessionRecord, SummaryRecord


def adopt_session(tx: Tx, record: SessionRecord) -> bool:
    """Give a session that is older than sync here the record's uid if it has the same id and time.

    It has the id with a suffix if another session had that id when it came here first. Return True if there is one.
    """
    for id in (own_sessions.suffixed(record.wire_id, record.uid), record.wire_id):
        row = tx.run(
            """
            SELECT uid FROM sync_sessions
            WHERE id = :id AND wire_id = :id AND created_at = :created_at AND bot_id = :bot_id AND state = 0
              AND fields IS NULL
            """,
            id=id,
            created_at=record.created_at,
            bot_id=record.bot_id,
        ).fetchone()
        if row is not None:
            tx.run(
                "UPDATE sync_sessions SET uid = :uid, wire_id = :wire_id, twin = 0 WHERE uid = :old",
                uid=record.uid,
                wire_id=record.wire_id,
                old=row[0],
            )
            for table, column in (("sync_sessions", "parent"), ("sync_memories", "session")):
                tx.run(f"UPDATE {table} SET {column} = :uid WHERE {column} = :old", uid=record.uid, old=row[0])
            return True
    return False


def adopt_message(
    tx: Tx, record: MessageRecord, session_id: str, identity: Identity, values: dict[str, Any], after: int
) -> bool:
    """Give a message of this machine the record's identity if it has the same time and text.

    The search begins after the message that was found last, because records come in order.
    """
    for first in (after, 0) if after else (0,):
        row = tx.run(
            """
            SELECT id FROM messages
            WHERE session_id = :session_id AND id > :first AND id > (SELECT sealed_message FROM sync_account)
              AND created_at = :at AND content = :text
              AND NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = 0 AND id = messages.id)
            ORDER BY id LIMIT 1
            """,
            session_id=session_id,
            first=first,
            at=values["created_at"],
            text=values["content"],
        ).fetchone()
        if row is not None:
            _move_references(tx, kinds.identity_of(tx, MESSAGE, row[0]), identity, record)
            kinds.adopt(tx, MESSAGE, row[0], identity, record.run)
            tx.run("UPDATE sync_sessions SET twin = :id WHERE id = :session_id", id=row[0], session_id=session_id)
            _begin_run(tx, session_id, row[0] + 1, record.run + 1)
            return True
    return False


def _move_references(tx: Tx, before: Identity, after: Identity, record: MessageRecord) -> None:
    """Have memories and summaries name a message by the identity that it gets."""
    tx.run(
        """
        UPDATE sync_memories SET source_machine = :machine, source_oid = :oid
        WHERE source_machine = :before AND source_oid = :before_oid
        """,
        before=before.machine,
        before_oid=before.oid,
        **after._asdict(),
    )
    ends: dict[str, Any] = {
        "machine": record.machine,
        "oid": record.oid,
        "before": account.machine_uid(tx, before.machine),
    }
    sql = "UPDATE sync_summaries SET machine = :machine, oid = :oid, run = :run WHERE machine = :before AND oid = :row"
    tx.run(sql, **ends, row=before.oid, run=record.run)
    sql = """
        UPDATE sync_summaries SET start_machine = :machine, start_oid = :oid
        WHERE start_machine = :before AND start_oid = :row
    """
    tx.run(sql, **ends, row=before.oid)


def _begin_run(tx: Tx, session_id: str, first: int, run: int) -> None:
    """Have this machine's messages from an id on come after a run."""
    tx.run("DELETE FROM sync_runs WHERE session_id = :id AND first_id = :before", id=session_id, before=first - 1)
    sql = "UPDATE sync_runs SET run = max(run, :run) WHERE session_id = :id AND first_id >= :first"
    tx.run(sql, id=session_id, first=first, run=run)
    sql = "INSERT OR IGNORE INTO sync_runs (session_id, first_id, run) VALUES (:id, :first, :run)"
    tx.run(sql, id=session_id, first=first, run=run)


_UNPUBLISHED = """
    EXISTS (SELECT 1 FROM sync_dirty WHERE kind = :kind AND ref = own.id)
    AND NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = :number AND id = own.id)
"""


def adopt_memory(tx: Tx, record: MemoryRecord, session_id: str | None, identity: Identity) -> int | None:
    """Give a memory of this machine the record's identity if it is the same; return its id.

    One that was published, and is to be published again to a hub that lost it, keeps the identity that others know.
    """
    rows = tx.run(
        f"""
        SELECT id FROM memories AS own
        WHERE bot_id = :bot_id AND substr(fact, 1, 64) = substr(:fact, 1, 64) AND fact = :fact AND created_at = :at
          AND session_id IS :session_id AND importance = :importance AND category = :category
          AND {_UNPUBLISHED} ORDER BY id
        """,
        bot_id=record.bot_id,
        fact=record.fact,
        at=record.created_at,
        session_id=session_id,
        importance=record.importance,
        category=record.category,
        kind="memory",
        number=MEMORY,
    ).fetchall()
    for row in rows:
        before = kinds.identity_of(tx, MEMORY, row[0])
        if not contents.has_memory(tx, before):
            edges.move(tx, before, identity)
            # A session that is gone may have left its id to another one here.
            tx.run("UPDATE sync_memories SET session = :session WHERE id = :id", session=record.session, id=row[0])
            return _adopt(tx, MEMORY, row, identity)
    return None


def adopt_summary(tx: Tx, record: SummaryRecord, session_id: str, identity: Identity) -> int | None:
    """Give a summary of this machine the record's identity if it has the same time and text; return its id."""
    row = tx.run(
        f"""
        SELECT id FROM summaries AS own
        WHERE session_id = :session_id AND summary = :summary AND created_at = :at AND {_UNPUBLISHED}
        ORDER BY id LIMIT 1
        """,
        session_id=session_id,
        summary=record.summary,
        at=record.created_at,
        kind="summary",
        number=SUMMARY,
    ).fetchone()
    return _adopt(tx, SUMMARY, row, identity)


def _adopt(tx: Tx, kind: int, row: tuple[int] | None, identity: Identity) -> int | None:
    if row is None:
        return None
    kinds.adopt(tx, kind, row[0], identity)
    return row[0]
