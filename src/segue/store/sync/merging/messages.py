"""Merge messages: they are never changed but in place, and a deletion wins over everything."""

from typing import Any

from segue.events import EventKind
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions
from segue.store.records.message import edit
from segue.store.records.sessions import NEXT_ACTIVITY
from segue.store.sync import account, contents, dirty, fields, kinds, machines, own_sessions, states
from segue.store.sync.kinds import MESSAGE, Identity, Stamp
from segue.store.sync.merging import twins
from segue.store.sync.merging.sessions import create, find, stay_elsewhere, use_elsewhere
from segue.store.sync.own_sessions import ALIVE, DELETED
from segue.store.sync.wire import MESSAGE_COLUMNS, MessageRecord, encode

_INSERT = f"""
    INSERT INTO messages (session_id, {", ".join(MESSAGE_COLUMNS)})
    VALUES (:session_id, {", ".join(f":{name}" for name in MESSAGE_COLUMNS)})
"""
_INDEXED = ("role", "content", "parts", "indexed", "state")


def merge(tx: Tx, record: MessageRecord) -> str | None:
    """Merge the record, and return the id of the session that got a new message.

    Raises:
        Stale: the message is deleted.
    """
    identity = states.identity(tx, (record.machine, record.oid))
    known = find(tx, record.session)
    if kinds.has_tombstone(tx, MESSAGE, identity) or (known is not None and known.state == DELETED):
        raise Stale
    values = dict(zip(MESSAGE_COLUMNS, record.values, strict=True))
    row = kinds.find_row(tx, MESSAGE, identity)
    if row is not None:
        _change(tx, row, record, values)
        return None
    session_id = known.id if known else None
    if session_id is None:
        if known is None or known.state == ALIVE:
            hold(tx, record.session, encode(record))
            return None
        session_id = create(tx, record.session, known, identity.machine)
        sessions.emit(tx, "session.created", sessions.get(tx, session_id))
    twin = known.twin if known else None
    if twin is None or not twins.adopt_message(tx, record, session_id, identity, values, twin):
        _insert(tx, session_id, identity, record, values)
    return session_id


class Stale(Exception):
    """A record of something that is deleted or has another text now, so the batch that holds it is to be rewritten."""


def hold(tx: Tx, session: bytes, record: bytes) -> None:
    """Keep a record until what it refers to comes."""
    sql = "INSERT OR IGNORE INTO sync_held (session, record) VALUES (:session, :record)"
    tx.run(sql, session=session, record=record)


def _insert(tx: Tx, session_id: str, identity: Identity, record: MessageRecord, values: dict[str, Any]) -> None:
    id = tx.run(_INSERT, session_id=session_id, **values).lastrowid or 0
    kinds.adopt(tx, MESSAGE, id, identity, record.run)
    if record.stamp:
        kinds.set_stamp(tx, MESSAGE, id, record.stamp, account.machine_number(tx, record.stamped_by))
    # The times and tokens come with the session's record.
    sql = f"UPDATE sessions SET message_count = message_count + 1, activity = {NEXT_ACTIVITY} WHERE id = :id"
    tx.run(sql, id=session_id)
    tx.run(
        """
        UPDATE memories SET source_message_id = :id
        WHERE id IN (SELECT id FROM sync_memories WHERE source_machine = :machine AND source_oid = :oid)
        """,
        id=id,
        **identity._asdict(),
    )
    for column, prefix in (("messages_end", ""), ("messages_start", "start_")):
        tx.run(
            f"""
            UPDATE summaries SET {column} = :id
            WHERE id IN (SELECT id FROM sync_summaries WHERE {prefix}machine = :machine AND {prefix}oid = :oid)
              AND session_id = :session_id
            """,
            id=id,
            machine=record.machine,
            oid=record.oid,
            session_id=session_id,
        )
    _emit(tx, "message.appended", id, session_id)


def _change(tx: Tx, id: int, record: MessageRecord, values: dict[str, Any]) -> None:
    """Change the message in place if the record is of a later change.

    Raises:
        Stale: it is of an earlier one.
    """
    new, stamp = Stamp(record.stamp, record.stamped_by), kinds.stamp_of(tx, MESSAGE, id)
    if new < stamp:
        raise Stale
    if new == stamp:
        return
    if edit.change_index_and_name(tx, id, {name: values[name] for name in _INDEXED}):
        _publish_name(tx, record.session, messages.owner(tx, id))
    assignments = ", ".join(f"{name} = :{name}" for name in MESSAGE_COLUMNS)
    tx.run(f"UPDATE messages SET {assignments} WHERE id = :id", id=id, **values)
    kinds.set_stamp(tx, MESSAGE, id, record.stamp, account.machine_number(tx, record.stamped_by))
    contents.erase_message(tx, record.session, kinds.identity_of(tx, MESSAGE, id))
    _emit(tx, "message.updated", id, messages.owner(tx, id))


def _publish_name(tx: Tx, uid: bytes, session_id: str) -> None:
    """Publish a name that changed with a message, because another machine may get the old name after the message."""
    if (stamps := fields.load(tx, uid)) is not None:
        machine = account.machine_uid(tx, account.get(tx).machine)
        fields.store(tx, uid, fields.changed(sessions.get(tx, session_id), stamps, account.tick(tx), machine))
        contents.erase_record(tx, uid)
        dirty.mark(tx, "session", uid)


def _emit(tx: Tx, kind: EventKind, id: int, session_id: str) -> None:
    scope = sessions.scope(tx, session_id)
    message = machines.get_message(tx, id)
    tx.emit(kind, message, session_id=session_id, working_dir=scope.working_dir, bot_id=scope.bot_id)


def begin_runs(tx: Tx, session_ids: set[str], first_new: int) -> None:
    """Have this machine's next messages of the sessions begin a run after those that came.

    FIRST_NEW is the id of the first message that came.
    """
    next_id = account.newest_id(tx, MESSAGE) + 1
    for session_id in session_ids:
        stay_elsewhere(tx, session_id, first_new)
        run, machine = tx.run(
            """
            SELECT max(i.run), i.machine FROM messages AS m JOIN sync_imported AS i ON i.kind = 0 AND i.id = m.id
            WHERE m.session_id = :id AND m.id >= :first
            """,
            id=session_id,
            first=first_new,
        ).fetchone()
        if run is None:
            continue
        last = tx.run(
            "SELECT first_id, run FROM sync_runs WHERE session_id = :id ORDER BY first_id DESC LIMIT 1", id=session_id
        ).fetchone() or (0, 0)
        if run < last[1]:
            continue
        said = tx.run(
            """
            SELECT 1 FROM messages WHERE session_id = :id AND id >= :first AND id < :first_new
            AND NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = 0 AND id = messages.id) LIMIT 1
            """,
            id=session_id,
            first=last[0],
            first_new=first_new,
        ).fetchone()
        if said is None:
            tx.run("DELETE FROM sync_runs WHERE session_id = :id AND first_id = :first", id=session_id, first=last[0])
        tx.run(
            "INSERT OR REPLACE INTO sync_runs (session_id, first_id, run) VALUES (:id, :first, :run)",
            id=session_id,
            first=next_id,
            run=run + 1,
        )
        use_elsewhere(tx, session_id, machine)


def delete(tx: Tx, identities: list[Identity]) -> bool:
    """Delete messages that another machine deleted; return True if one of them was here."""
    by_session: dict[str, list[int]] = {}
    for identity in identities:
        row = kinds.find_row(tx, MESSAGE, identity)
        if row is not None:
            by_session.setdefault(messages.owner(tx, row), []).append(row)
        kinds.add_tombstone(tx, MESSAGE, identity)
    for session_id, ids in by_session.items():
        uid = own_sessions.find_uid(tx, session_id)
        if uid is None:
            continue
        for id in ids:
            contents.erase_message(tx, uid, kinds.identity_of(tx, MESSAGE, id))
        visible = [id for id in ids if id >= messages.held_from(tx, session_id)]
        before = tx.run("SELECT updated_at FROM sessions WHERE id = :id", id=session_id).fetchone()[0]
        edit.delete_ids(tx, session_id, sorted(visible))
        tx.run("DELETE FROM sync_removed WHERE session_id = :id", id=session_id)
        # The time comes with the session's record.
        tx.run("UPDATE sessions SET updated_at = :at WHERE id = :id", id=session_id, at=before)
        own_sessions.settle(tx, uid)
    return bool(by_session)
