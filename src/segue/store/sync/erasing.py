"""The rest of the records of a batch after something of it was deleted or changed."""

from segue.store.engine.tx import Tx
from segue.store.sync import collecting, kinds, states
from segue.store.sync.homes import Home
from segue.store.sync.kinds import MEMORY, MESSAGE, SUMMARY, Stamp
from segue.store.sync.own_sessions import ALIVE, DELETED
from segue.store.sync.wire import (
    BotRecord,
    MemoryRecord,
    MessageRecord,
    Record,
    SessionRecord,
    SummaryRecord,
)


def remaining(tx: Tx, records: list[Record], home: Home) -> list[Record]:
    """Return the records without what is deleted, and with the newer state of what changed."""
    found = (_current(tx, record, home) for record in records)
    return [record for record in found if record is not None]


def _current(tx: Tx, record: Record, home: Home) -> Record | None:
    match record:
        case SessionRecord():
            return _session(tx, record, home)
        case MessageRecord():
            return _message(tx, record)
        case MemoryRecord():
            return _memory(tx, record)
        case SummaryRecord():
            return _summary(tx, record)
        case BotRecord():
            now = states.bot(tx, record.id)
            return record if now is None or (now.stamp, now.machine) < (record.stamp, record.machine) else now
    return record


def _session(tx: Tx, record: SessionRecord, home: Home) -> SessionRecord:
    """Return the record without fields if the session is gone, else with their newer values."""
    now = states.session(tx, record.uid, home, whole=True)
    if now is None:  # It did not come yet.
        return record
    newer = {
        name: new
        for name, (_, *rank) in record.fields.items()
        if (new := now.fields.get(name)) is not None and [*new[1:]] >= rank
    }
    kept = {} if now.state != ALIVE and not now.fields else record.fields
    return SessionRecord(
        record.uid, record.wire_id, record.bot_id, record.created_at, record.state, record.updated_at,
        record.last_message_at, {**kept, **newer}, record.tokens, record.summaries,
    )  # fmt: skip


def _state_of(tx: Tx, session: bytes) -> tuple[str | None, int]:
    row = tx.run("SELECT id, state FROM sync_sessions WHERE uid = :uid", uid=session).fetchone()
    return (None, ALIVE) if row is None else tuple(row)


def _message(tx: Tx, record: MessageRecord) -> MessageRecord | None:
    identity = states.identity(tx, (record.machine, record.oid))
    if kinds.has_tombstone(tx, MESSAGE, identity) or _state_of(tx, record.session)[1] == DELETED:
        return None
    row = kinds.find_row(tx, MESSAGE, identity)
    if row is None or kinds.stamp_of(tx, MESSAGE, row) <= Stamp(record.stamp, record.stamped_by):
        return record
    return collecting.message(tx, row) or record


def _memory(tx: Tx, record: MemoryRecord) -> MemoryRecord | None:
    identity = states.identity(tx, (record.machine, record.oid))
    if kinds.has_tombstone(tx, MEMORY, identity):
        return None
    row = kinds.find_row(tx, MEMORY, identity)
    if row is None or kinds.stamp_of(tx, MEMORY, row) <= Stamp(record.stamp, record.stamped_by):
        return record
    return states.memory(tx, row) or record


def _summary(tx: Tx, record: SummaryRecord) -> SummaryRecord | None:
    id, state = _state_of(tx, record.session)
    if id is None and state != ALIVE:
        return None
    row = kinds.find_row(tx, SUMMARY, states.identity(tx, (record.machine, record.oid)))
    if row is None or kinds.stamp_of(tx, SUMMARY, row) <= Stamp(record.stamp, record.stamped_by):
        return record
    return states.summary(tx, row) or record
