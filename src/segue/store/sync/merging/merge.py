"""Merge the records of a batch in slices, then record that the batch is applied."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from segue.store.engine.tx import Tx
from segue.store.sync import account, contents, own_sessions
from segue.store.sync.contents import BatchName
from segue.store.sync.homes import Home
from segue.store.sync.kinds import MESSAGE, Identity
from segue.store.sync.merging import bots, facts, messages, sessions
from segue.store.sync.merging.messages import Stale
from segue.store.sync.merging.sessions import Outcome
from segue.store.sync.own_sessions import ALIVE
from segue.store.sync.wire import (
    BotRecord,
    Contents,
    MessageRecord,
    Record,
    SessionRecord,
    TombstoneRecord,
    decode_record,
)

SLICE_COST = 40
"""The cost of the records that one transaction merges, so that a client waits for 3 ms at most. A message costs 1."""

SESSION_COST = 4


class Merged(NamedTuple):
    """The outcome of a slice."""

    stale: bool
    """True if a record was of something deleted, so the batch is to be rewritten."""
    deleted: bool
    """True if something here was deleted, so its text is to be removed from the file."""


def slices(records: list[Record]) -> Iterator[list[Record]]:
    """Yield the records in parts, each for a transaction."""
    part: list[Record] = []
    cost = 0
    for record in _divided(records):
        part.append(record)
        cost += _cost(record)
        if cost >= SLICE_COST:
            yield part
            part, cost = [], 0
    if part:
        yield part


def _cost(record: Record) -> int:
    match record:
        case SessionRecord():
            return SESSION_COST
        case TombstoneRecord():
            return len(record.oids)
    return 1


def _divided(records: list[Record]) -> Iterator[Record]:
    """Yield the records, with those of many deleted rows divided."""
    for record in records:
        if isinstance(record, TombstoneRecord):
            for start in range(0, len(record.oids), SLICE_COST):
                yield TombstoneRecord(record.kind, record.machine, record.oids[start : start + SLICE_COST])
        else:
            yield record


def merge_slice(tx: Tx, records: list[Record], home: Home, machine: int) -> Merged:
    """Merge records that a machine published, in one transaction."""
    tx.cause = "sync"
    stale = False
    first_new = account.newest_id(tx, MESSAGE) + 1
    touched: set[str] = set()
    for record in records:
        try:
            _merge(tx, record, home, machine, touched)
        except Stale:
            stale = True
    for session_id in sorted(touched):
        if (uid := own_sessions.find_uid(tx, session_id)) is not None:
            _release(tx, uid, home, machine, touched)
    messages.begin_runs(tx, touched, first_new)
    bots.settle(tx)
    deleted = any(event.kind in DELETIONS for event in tx.emitted)
    return Merged(stale, deleted)


DELETIONS = ("session.deleted", "messages.deleted", "memory.deleted", "bot.deleted", "message.updated")


def _merge(tx: Tx, record: Record, home: Home, machine: int, touched: set[str]) -> None:
    match record:
        case SessionRecord():
            outcome = sessions.merge(tx, record, home, machine)
            if outcome is Outcome.CREATED:
                _release(tx, record.uid, home, machine, touched)
            if outcome is Outcome.STALE:
                raise Stale
        case MessageRecord():
            if (session_id := messages.merge(tx, record)) is not None:
                touched.add(session_id)
        case TombstoneRecord():
            number = account.machine_number(tx, record.machine)
            identities = [Identity(number, oid) for oid in record.oids]
            (messages.delete if record.kind == MESSAGE else facts.delete_memories)(tx, identities)
        case BotRecord():
            bots.merge(tx, record)
        case _:
            facts.merge(tx, record)


def _release(tx: Tx, uid: bytes, home: Home, machine: int, touched: set[str]) -> None:
    """Merge the records that waited for the session, messages first; those that still wait are held again."""
    rows = tx.run("SELECT n, record FROM sync_held WHERE session = :uid ORDER BY n", uid=uid).fetchall()
    held = [(n, decode_record(record)) for n, record in rows]
    for n, record in sorted(held, key=lambda entry: not isinstance(entry[1], MessageRecord)):
        tx.run("DELETE FROM sync_held WHERE n = :n", n=n)
        with suppress(Stale):
            _merge(tx, record, home, machine, touched)


def count_deletions(tx: Tx, records: list[Record]) -> int:
    """Return the number of sessions here that the records delete."""
    ended = [record for record in records if isinstance(record, SessionRecord) and record.state != ALIVE]
    return sum(
        known is not None and known.id is not None and known.state < record.state
        for record in ended
        if (known := sessions.find(tx, record.uid)) is not None
    )


def finish(tx: Tx, batch: BatchName, read: Contents, *, stale: bool) -> None:
    """Record that all records of a batch are merged, and what it holds."""
    tx.cause = "sync"
    account.observe(tx, read.stamp)
    tx.run(
        "UPDATE sync_machines SET pulled = max(pulled, :number), name = :name, at = max(coalesce(at, 0), :at)"
        " WHERE n = :machine",
        name=read.name,
        at=read.at,
        **batch._asdict(),
    )
    for uid, head in read.heads.items():
        tx.run(
            "UPDATE sync_machines SET claimed = max(claimed, :head) WHERE n = :n",
            n=account.machine_number(tx, uid),
            head=head,
        )
    contents.record(tx, batch, read.records)
    for (uid,) in tx.run("SELECT uid FROM sync_sessions WHERE state > 0 AND id IS NOT NULL").fetchall():
        own_sessions.settle(tx, bytes(uid))
    bots.settle(tx)
    if stale:
        contents.mark(tx, batch)
