"""The account: the identity of this machine, its clock of changes, and how far both directions are."""

import os
from typing import NamedTuple

from segue.store.engine.tx import Tx
from segue.store.sync.fields import GENERATED
from segue.store.sync.kinds import KINDS, MESSAGE, TABLES, Identity, adopt

UID_BYTES = 16

WALL_SHIFT = 16
"""Bits of a stamp below the milliseconds: a counter, so that two changes never share a stamp."""


class Account(NamedTuple):
    """The row of `sync_account`."""

    url: str
    name: str
    machine: int
    fingerprint: str
    stamp: int
    sealed: int
    accepted: int
    sealed_message: int
    accepted_message: int
    accepted_memory: int
    accepted_summary: int
    republish_message: int
    synced_at: str | None
    clock_error: int | None
    deletions: int
    deletions_since: int
    deletions_waiting: int


_SELECT = f"SELECT {', '.join(Account._fields)} FROM sync_account"


def find(tx: Tx) -> Account | None:
    """Return the account, or None while sync is off."""
    row = tx.run(_SELECT).fetchone()
    return None if row is None else Account(*row)


def get(tx: Tx) -> Account:
    """Return the account.

    Raises:
        LookupError: sync is off.
    """
    account = find(tx)
    if account is None:
        raise LookupError("sync is off")
    return account


def is_on(tx: Tx) -> bool:
    """Return True if sync is on."""
    return tx.run("SELECT 1 FROM sync_account").fetchone() is not None


def change(tx: Tx, **columns: str | int | None) -> None:
    """Set columns of the account."""
    tx.run(f"UPDATE sync_account SET {', '.join(f'{name} = :{name}' for name in columns)}", **columns)


def tick(tx: Tx) -> int:
    """Return the stamp of a change that happens now; it is larger than every stamp that was seen."""
    stamp = max(tx.now << WALL_SHIFT, get(tx).stamp + 1)
    change(tx, stamp=stamp)
    return stamp


def observe(tx: Tx, stamp: int) -> None:
    """Record a stamp of another machine, however far in the future it is."""
    tx.run("UPDATE sync_account SET stamp = max(stamp, :stamp)", stamp=stamp)


def machine_number(tx: Tx, uid: bytes) -> int:
    """Return the number of a machine here, which it gets if it has none."""
    row = tx.run("SELECT n FROM sync_machines WHERE uid = :uid", uid=uid).fetchone()
    if row is None:
        row = (tx.run("INSERT INTO sync_machines (uid) VALUES (:uid)", uid=uid).lastrowid,)
    return int(row[0])


def machine_uid(tx: Tx, n: int) -> bytes:
    """Return the uid of a machine."""
    return bytes(tx.run("SELECT uid FROM sync_machines WHERE n = :n", n=n).fetchone()[0])


def new_uid() -> bytes:
    """Return a random uid for a machine or a session."""
    return os.urandom(UID_BYTES)


def own_names(tx: Tx) -> list[str]:
    """Return the uid of this machine and those that it had, by which nothing else writes."""
    rows = tx.run("SELECT uid FROM sync_machines WHERE former OR n = (SELECT machine FROM sync_account)")
    return [bytes(uid).hex() for (uid,) in rows]


def set_name(tx: Tx, name: str) -> None:
    """Set what this machine is called."""
    change(tx, name=name)
    tx.run("UPDATE sync_machines SET name = :name WHERE n = :n", n=get(tx).machine, name=name)


def set_former(tx: Tx, names: list[str] | None) -> None:
    """Record the uids that this database had in its place; None for a copy, which had none."""
    if names is None:
        tx.run("UPDATE sync_machines SET former = 0")
    for name in names or []:
        sql = "UPDATE sync_machines SET former = 1 WHERE n = :n AND n <> (SELECT machine FROM sync_account)"
        tx.run(sql, n=machine_number(tx, bytes.fromhex(name)))


def set_anywhere(tx: Tx, anywhere: bool) -> None:
    """Set whether sessions that other machines used last are continued here."""
    change(tx, anywhere=anywhere)


def take_over(tx: Tx, uid: bytes) -> None:
    """Write by the name of a machine that is gone, and have everything checked that it wrote."""
    tx.run("UPDATE sync_machines SET former = 1, forgotten = 1 WHERE uid = :uid", uid=uid)
    tx.run(
        """
        INSERT OR IGNORE INTO sync_erase (machine, number)
        WITH RECURSIVE numbers (number) AS (
            SELECT 1 UNION ALL SELECT number + 1 FROM numbers
            WHERE number < (SELECT pulled FROM sync_machines WHERE uid = :uid)
        )
        SELECT n, number FROM sync_machines, numbers WHERE uid = :uid AND pulled > 0
        """,
        uid=uid,
    )


def begin(tx: Tx, url: str, name: str, fingerprint: str) -> None:
    """Turn sync on, with everything in the database to be published."""
    machine = machine_number(tx, new_uid())
    tx.run("UPDATE sync_machines SET name = :name WHERE n = :n", n=machine, name=name)
    tx.run(
        "INSERT INTO sync_account (id, url, name, machine, fingerprint)"
        " VALUES (1, :url, :name, :machine, :fingerprint)",
        url=url,
        name=name,
        machine=machine,
        fingerprint=fingerprint,
    )
    for kind in KINDS:
        tx.run("INSERT INTO sync_epochs (kind, first_id, machine) VALUES (:kind, 0, :n)", kind=kind, n=machine)


def renew(tx: Tx, fingerprint: str, *, alone: bool = False, late: bool = False) -> None:
    """Give this database a new identity, because another copy of it may write as the old one.

    Rows that it has stay the old machine's, and both copies publish them: they are the same. When only the hub showed
    it (`late`), rows after the newest accepted batch were written by this copy alone, so they are the new machine's.
    `alone` means that the database was restored in an older state, so nothing else writes as the old machine.
    """
    account = get(tx)
    machine = machine_number(tx, new_uid())
    _part_open_messages(tx, machine)
    accepted = (account.accepted_message, account.accepted_memory, account.accepted_summary)
    for kind, upto in zip(KINDS, accepted, strict=True):
        first = (upto if late else newest_id(tx, kind)) + 1
        if kind == MESSAGE:
            _begin_runs(tx, first)
        tx.run("DELETE FROM sync_epochs WHERE kind = :kind AND first_id >= :first", kind=kind, first=first)
        tx.run(
            "INSERT INTO sync_epochs (kind, first_id, machine) VALUES (:kind, :first, :n)",
            kind=kind,
            first=first,
            n=machine,
        )
    tx.run("UPDATE sync_machines SET name = :name, pulled = 0 WHERE n = :n", n=machine, name=account.name)
    # The old machine may have written more than this copy has, so its batches are pulled from now on.
    tx.run("UPDATE sync_machines SET pulled = :pulled WHERE n = :n", n=account.machine, pulled=account.accepted)
    if alone:
        tx.run("UPDATE sync_machines SET former = 1 WHERE n = :n", n=account.machine)
    # What the dropped batch published is published again.
    tx.run("DELETE FROM sync_outbox")
    tx.run("DELETE FROM sync_contents WHERE machine = :n AND number > :n2", n=account.machine, n2=account.accepted)
    change(
        tx,
        machine=machine,
        fingerprint=fingerprint,
        sealed=0,
        accepted=0,
        sealed_message=account.accepted_message,
    )


def _part_open_messages(tx: Tx, machine: int) -> None:
    """Make what this copy has of a message that is being streamed a message of its own.

    The other copy may finish the message. With one identity, a deletion here would also delete that end, which is not
    here yet. The end then comes as another message. One that was published before it was resumed keeps its identity.
    """
    rows = tx.run(
        """
        SELECT m.id, (SELECT run FROM sync_order WHERE id = m.id)
        FROM messages AS m LEFT JOIN sync_stamps AS s ON s.kind = 0 AND s.id = m.id
        WHERE m.id IN (
            SELECT id FROM messages WHERE state = 'streaming' UNION SELECT ref FROM sync_dirty WHERE kind = 'message'
        )
          AND (m.state = 'streaming' AND s.id IS NULL OR m.state = 'interrupted' AND s.stamp = :generated)
          AND NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = 0 AND id = m.id)
          AND EXISTS (SELECT 1 FROM sync_sessions WHERE id = m.session_id)
        """,
        generated=GENERATED,
    ).fetchall()
    for id, run in rows:
        adopt(tx, MESSAGE, id, Identity(machine, id), run)
        tx.run("UPDATE memories SET source_message_id = NULL WHERE source_message_id = :id", id=id)
        for column in ("messages_start", "messages_end"):
            tx.run(f"UPDATE summaries SET {column} = 0 WHERE {column} = :id", id=id)


def _begin_runs(tx: Tx, first: int) -> None:
    """Have messages from an id on begin a run in each session, after those of the old machine."""
    tx.run("UPDATE sync_runs SET run = run + 1 WHERE first_id >= :first", first=first)
    tx.run(
        """
        INSERT OR IGNORE INTO sync_runs (session_id, first_id, run)
        SELECT id, :first, 1 + coalesce((
            SELECT run FROM sync_runs WHERE session_id = sessions.id AND first_id < :first
            ORDER BY first_id DESC LIMIT 1
        ), 0)
        FROM sessions WHERE EXISTS (SELECT 1 FROM messages WHERE session_id = sessions.id AND messages.id < :first)
        """,
        first=first,
    )


def newest_id(tx: Tx, kind: int) -> int:
    """Return the largest id that a row of the kind ever had."""
    row = tx.run("SELECT seq FROM sqlite_sequence WHERE name = :table", table=TABLES[kind]).fetchone()
    return int(row[0]) if row else 0


def end(tx: Tx) -> None:
    """Turn sync off, and forget everything about other machines; their sessions stay."""
    for table in _OWN_TABLES:
        tx.run(f"DELETE FROM {table}")


_OWN_TABLES = (
    "sync_account", "sync_machines", "sync_epochs", "sync_imported", "sync_dead", "sync_stamps", "sync_runs",
    "sync_sessions", "sync_memories", "sync_summaries", "sync_edges", "sync_bots", "sync_elsewhere", "sync_dirty",
    "sync_held", "sync_outbox", "sync_contents", "sync_erase", "sync_removed",
)  # fmt: skip
