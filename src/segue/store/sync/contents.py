"""The content of each batch, so that everything that is deleted is also deleted at the hub."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from segue.store.engine.tx import Tx
from segue.store.sync import account, dirty
from segue.store.sync.kinds import Identity
from segue.store.sync.wire import (
    BotRecord,
    MemoryRecord,
    MessageRecord,
    Record,
    SessionRecord,
    SummaryRecord,
)

Range = tuple[int, int]


class BatchName(NamedTuple):
    """A batch: the machine that wrote it, by its number here, and the number of the batch."""

    machine: int
    number: int


def record(tx: Tx, batch: BatchName, records: Iterable[Record]) -> None:
    """Record what a batch holds, in place of what was recorded before."""
    found: dict[tuple[bytes, bytes], Range] = {}
    for one in records:
        match one:
            case MessageRecord():
                first, last = found.get((one.session, one.machine), (one.oid, one.oid))
                found[one.session, one.machine] = min(first, one.oid), max(last, one.oid)
            case SessionRecord() if one.fields:
                found[one.uid, b""] = 0, 0
            case SummaryRecord():
                found[one.session, b""] = 0, 0
            case MemoryRecord():
                found[thing_of_memory(one.machine, one.oid), b""] = 0, 0
            case BotRecord():
                found[thing_of_bot(one.id), b""] = 0, 0
    tx.run("DELETE FROM sync_contents WHERE machine = :machine AND number = :number", **batch._asdict())
    for (thing, author), (first, last) in found.items():
        tx.run(
            """
            INSERT INTO sync_contents (thing, machine, number, author, first, last)
            VALUES (:thing, :machine, :number, :author, :first, :last)
            """,
            thing=thing,
            author=account.machine_number(tx, author) if author else 0,
            first=first,
            last=last,
            **batch._asdict(),
        )


def thing_of_memory(machine: bytes, oid: int) -> bytes:
    """Return the name of a memory among the contents."""
    return b"k" + machine + oid.to_bytes(8, "big")


def has_memory(tx: Tx, identity: Identity) -> bool:
    """Return True if a batch is known that holds the memory."""
    thing = thing_of_memory(account.machine_uid(tx, identity.machine), identity.oid)
    return tx.run("SELECT 1 FROM sync_contents WHERE thing = :thing LIMIT 1", thing=thing).fetchone() is not None


def thing_of_bot(id: str) -> bytes:
    """Return the name of a bot among the contents."""
    return b"b" + id.encode()


def erase_thing(tx: Tx, thing: bytes) -> None:
    """Have every batch rewritten that holds the thing, or anything of the session."""
    tx.run(
        "INSERT OR IGNORE INTO sync_erase (machine, number) SELECT machine, number FROM sync_contents"
        " WHERE thing = :thing",
        thing=thing,
    )


def erase_record(tx: Tx, session: bytes) -> None:
    """Have every batch rewritten that holds fields of the session."""
    tx.run(
        "INSERT OR IGNORE INTO sync_erase (machine, number) SELECT machine, number FROM sync_contents"
        " WHERE thing = :session AND author = 0",
        session=session,
    )


def erase_memory(tx: Tx, identity: Identity) -> None:
    """Have every batch rewritten that holds the memory."""
    erase_thing(tx, thing_of_memory(account.machine_uid(tx, identity.machine), identity.oid))


def erase_message(tx: Tx, session: bytes, identity: Identity) -> None:
    """Have every batch rewritten that holds the message of the session."""
    tx.run(
        """
        INSERT OR IGNORE INTO sync_erase (machine, number) SELECT machine, number FROM sync_contents
        WHERE thing = :session AND author = :machine AND first <= :oid AND last >= :oid
        """,
        session=session,
        machine=identity.machine,
        oid=identity.oid,
    )


def erase_all(tx: Tx, heads: Mapping[bytes, int]) -> None:
    """Have every batch at the hub checked, because the hub may have been restored from an old copy."""
    for uid, head in heads.items():
        tx.run(
            """
            INSERT OR IGNORE INTO sync_erase (machine, number)
            WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :head)
            SELECT :machine, number FROM numbers
            """,
            machine=account.machine_number(tx, uid),
            head=head,
        )


def mark(tx: Tx, batch: BatchName) -> None:
    """Have the batch rewritten."""
    tx.run("INSERT OR IGNORE INTO sync_erase (machine, number) VALUES (:machine, :number)", **batch._asdict())


def count_erase(tx: Tx) -> int:
    """Return the number of batches to be rewritten."""
    return int(tx.run("SELECT count(*) FROM sync_erase").fetchone()[0])


def next_erase(tx: Tx, after: BatchName) -> BatchName | None:
    """Return the next batch to be rewritten that the hub has accepted."""
    row = tx.run(
        """
        SELECT e.machine, e.number FROM sync_erase AS e, sync_account AS a
        WHERE (e.machine, e.number) > (:machine, :number) AND (e.machine <> a.machine OR e.number <= a.accepted)
        ORDER BY e.machine, e.number LIMIT 1
        """,
        **after._asdict(),
    ).fetchone()
    return None if row is None else BatchName(*row)


def erased(tx: Tx, batch: BatchName, records: list[Record] | None) -> None:
    """Record that a batch was rewritten to hold the records; None leaves what was recorded.

    A batch is published afterwards, so that a hub that is restored from a copy of before is recognized by its head.
    """
    tx.run("DELETE FROM sync_erase WHERE machine = :machine AND number = :number", **batch._asdict())
    if records is not None:
        record(tx, batch, records)
        dirty.mark(tx, "marker", 0)
