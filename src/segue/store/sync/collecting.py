"""Collect what is to be published: first what changed, then the new messages of this machine, in order."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from segue.store.engine.tx import Tx
from segue.store.records import sessions
from segue.store.sync import account, contents, dirty, fields, kinds, states
from segue.store.sync.account import Account
from segue.store.sync.contents import BatchName
from segue.store.sync.dirty import Dirty
from segue.store.sync.homes import Home
from segue.store.sync.kinds import Identity
from segue.store.sync.own_sessions import ALIVE
from segue.store.sync.wire import (
    MESSAGE_COLUMNS,
    Contents,
    MessageRecord,
    Record,
    SessionRecord,
    TombstoneRecord,
    encode,
)

MAX_RECORDS = 512
MAX_BYTES = 256 * 1024
"""Records and bytes of a batch; it ends after the record that exceeds the bytes."""


class Collected(NamedTuple):
    """A batch to be sealed, and what it settles."""

    contents: Contents
    taken: list[Dirty]
    upto: int
    """Messages of this machine up to this id are published."""
    memory: int
    summary: int
    version: int
    """The version of the things to publish, to notice a change before the batch is stored."""
    number: int
    machine: bytes

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to send, because all that changed is gone again or is not published."""
        return not self.contents.records and all(one.kind != "marker" for one in self.taken)


def is_due(tx: Tx) -> bool:
    """Return True if `collect` has something to do."""
    return dirty.count(tx) > 0 or _newest(tx) > account.get(tx).sealed_message


def _newest(tx: Tx) -> int:
    return int(tx.run("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0])


def collect(tx: Tx, home: Home) -> Collected | None:
    """Return the next batch, or None if there is nothing to do."""
    own = account.get(tx)
    taken: list[Dirty] = []
    records: list[Record] = []
    size = 0
    for one in dirty.take(tx, MAX_RECORDS + 1):
        if len(records) >= MAX_RECORDS or size > MAX_BYTES:
            break
        published = _record_of(tx, one, home)
        records += published
        size += sum(len(encode(record)) for record in published)
        taken.append(one)
    upto = own.sealed_message
    if len(taken) < MAX_RECORDS and size <= MAX_BYTES:
        new, upto = _new_messages(tx, own, MAX_RECORDS - len(taken), MAX_BYTES - size)
        known = {(record.machine, record.oid) for record in records if isinstance(record, MessageRecord)}
        records += [record for record in new if (record.machine, record.oid) not in known]
    if not taken and upto == own.sealed_message:
        return None
    heads = tx.run("SELECT uid, pulled FROM sync_machines WHERE pulled > 0 AND n <> :n", n=own.machine)
    return Collected(
        Contents(
            at=tx.now,
            stamp=own.stamp,
            name=own.name,
            heads={bytes(uid): head for uid, head in heads},
            records=[*_sessions_first(tx, records, home), *_merge_tombstones(records)],
        ),
        taken,
        upto,
        account.newest_id(tx, kinds.MEMORY),
        account.newest_id(tx, kinds.SUMMARY),
        dirty.version(tx),
        own.sealed + 1,
        account.machine_uid(tx, own.machine),
    )


def _record_of(tx: Tx, one: Dirty, home: Home) -> list[Record]:
    """Return the state of a thing; nothing if it is not here any more, because then its end is published."""
    found: Record | None = None
    match one.kind, one.ref:
        case (("session" | "whole session"), bytes(uid)):
            found = states.session(tx, uid, home, whole=one.kind == "whole session")
        case "message", int(id):
            found = message(tx, id)
        case "memory", int(id):
            found = states.memory(tx, id)
        case "summary", int(id):
            found = states.summary(tx, id)
        case "bot", str(id):
            found = states.bot(tx, id)
        case "edges", str(text):
            found = states.edges_of(tx, Identity(*map(int, text.split())))
        case "dead", str(text):
            kind, machine, oid = map(int, text.split())
            found = states.tombstone(tx, kind, Identity(machine, oid))
    return [] if found is None else [found]


def _select(condition: str) -> str:
    return f"""
        SELECT messages.id, s.uid, o.run, o.machine, o.oid, coalesce(t.stamp, 0),
               coalesce((SELECT uid FROM sync_machines WHERE n = t.machine), x''),
               {", ".join(f"messages.{name}" for name in MESSAGE_COLUMNS)}
        FROM messages CROSS JOIN sync_sessions AS s ON s.id = messages.session_id
        CROSS JOIN sync_order AS o ON o.id = messages.id
        LEFT JOIN sync_stamps AS t ON t.kind = 0 AND t.id = messages.id
        WHERE messages.state <> 'streaming'
          AND NOT EXISTS (
              SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND messages.id < p.before_id
          )
          AND {condition}
    """


_ONE = _select("messages.id = :id")
_NEW = _select(
    """
    messages.id > :after
    AND (messages.id <= :republish OR NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = 0 AND id = messages.id))
    ORDER BY messages.id LIMIT :limit
    """
)


def message(tx: Tx, id: int) -> MessageRecord | None:
    """Return the record of a message that is here, and is not being streamed."""
    row = tx.run(_ONE, id=id).fetchone()
    return None if row is None else _to_record(row)


def _to_record(row: tuple[Any, ...]) -> MessageRecord | None:
    """Return the record of a row, or None if a text of it is damaged, and therefore bytes."""
    _, session, run, machine, oid, stamp, stamped_by, *values = row
    if bytes in map(type, values):
        return None
    return MessageRecord(bytes(machine), oid, bytes(session), run, stamp, bytes(stamped_by), values)


def _new_messages(tx: Tx, own: Account, limit: int, max_bytes: int) -> tuple[list[MessageRecord], int]:
    """Return messages that were never published, and the id up to which all are published then."""
    records: list[MessageRecord] = []
    size = 0
    newest = _newest(tx)
    for id, record in _new_records(tx, own, limit):
        records.append(record)
        size += len(encode(record))
        if size > max_bytes or len(records) == limit:
            return records, id
    return records, max(newest, own.sealed_message)


def _new_records(tx: Tx, own: Account, limit: int) -> Iterator[tuple[int, MessageRecord]]:
    """Yield each new message with its id. A row that another program damaged is left out."""
    for row in tx.run(_NEW, after=own.sealed_message, republish=own.republish_message, limit=limit):
        if (record := _to_record(row)) is not None:
            yield row[0], record


def _sessions_first(tx: Tx, records: list[Record], home: Home) -> Iterator[Record]:
    """Yield the sessions, and the times and tokens of those that have messages in the batch."""
    published: dict[bytes, SessionRecord] = {}
    for one in records:
        # A whole session may have changed too. The record of its changes has some of the same fields.
        if isinstance(one, SessionRecord) and len(one.fields) >= len(published.get(one.uid, one).fields):
            published[one.uid] = one
    for uid in {record.session: None for record in records if isinstance(record, MessageRecord)}:
        if uid not in published and (record := states.session(tx, uid, home, whole=False)) is not None:
            if record.state == ALIVE:
                record.fields = {}
            published[uid] = record
    yield from published.values()
    for record in published.values():
        yield from states.summaries_of_expired(tx, record)


def _merge_tombstones(records: list[Record]) -> Iterator[Record]:
    """Yield the records other than sessions, with with the tombstones of one machine and kind merged."""
    merged: dict[tuple[int, bytes], TombstoneRecord] = {}
    for record in records:
        match record:
            case SessionRecord():
                continue
            case TombstoneRecord() if (first := merged.setdefault((record.kind, record.machine), record)) is not record:
                first.oids += record.oids
            case TombstoneRecord():
                continue
            case _:
                yield record
    yield from merged.values()


def store(tx: Tx, collected: Collected, token: bytes, body: bytes) -> bool:
    """Put the sealed batch into the outbox; return False if something changed since it was collected."""
    if not _is_current(tx, collected):
        return False
    tx.run(
        """
        INSERT INTO sync_outbox (number, token, body, stamp, message, memory, summary, dirty)
        VALUES (:number, :token, :body, :stamp, :message, :memory, :summary, :dirty)
        """,
        number=collected.number,
        token=token,
        body=body,
        stamp=collected.contents.stamp,
        message=collected.upto,
        memory=collected.memory,
        summary=collected.summary,
        dirty=dirty.encode_numbers(collected.taken),
    )
    for record in collected.contents.records:
        if isinstance(record, SessionRecord) and record.fields and fields.load(tx, record.uid) is None:
            id = tx.run("SELECT id FROM sync_sessions WHERE uid = :uid", uid=record.uid).fetchone()[0]
            fields.store(tx, record.uid, fields.first_stamps(sessions.get(tx, id), collected.machine))
    account.change(tx, sealed=collected.number, sealed_message=collected.upto)
    contents.record(tx, BatchName(account.get(tx).machine, collected.number), collected.contents.records)
    return True


def skip(tx: Tx, collected: Collected) -> bool:
    """Settle a batch that is empty; return False if something changed since it was collected."""
    if not _is_current(tx, collected):
        return False
    dirty.settle(tx, dirty.encode_numbers(collected.taken))
    account.change(tx, sealed_message=collected.upto)
    return True


def _is_current(tx: Tx, collected: Collected) -> bool:
    return dirty.version(tx) == collected.version and account.get(tx).sealed + 1 == collected.number
