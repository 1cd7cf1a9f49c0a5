"""The kinds of rows that have an identity on all machines, and that identity."""

from typing import NamedTuple

from segue.store.engine.tx import Tx

MESSAGE, MEMORY, SUMMARY = 0, 1, 2
KINDS = (MESSAGE, MEMORY, SUMMARY)
TABLES = ("messages", "memories", "summaries")


class Identity(NamedTuple):
    """A row on all machines: the machine that made it, by its number here, and the row's id there."""

    machine: int
    oid: int


def identity_of(tx: Tx, kind: int, id: int) -> Identity:
    """Return the identity of a row of this database."""
    sql = "SELECT machine, oid FROM sync_imported WHERE kind = :kind AND id = :id"
    row = tx.run(sql, kind=kind, id=id).fetchone()
    return Identity(epoch_of(tx, kind, id), id) if row is None else Identity(*row)


def epoch_of(tx: Tx, kind: int, id: int) -> int:
    """Return the machine that this database was when it made rows with such an id."""
    sql = "SELECT machine FROM sync_epochs WHERE kind = :kind AND first_id <= :id ORDER BY first_id DESC LIMIT 1"
    return int(tx.run(sql, kind=kind, id=id).fetchone()[0])


def find_row(tx: Tx, kind: int, identity: Identity) -> int | None:
    """Return the id of the row here, or None if it is not here."""
    machine, oid = identity
    sql = "SELECT id FROM sync_imported WHERE kind = :kind AND machine = :machine AND oid = :oid"
    if (row := tx.run(sql, kind=kind, machine=machine, oid=oid).fetchone()) is not None:
        return int(row[0])
    is_own = tx.run(
        f"""
        SELECT 1 FROM {TABLES[kind]} WHERE id = :oid
        AND NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = :kind AND id = :oid)
        """,
        kind=kind,
        oid=oid,
    ).fetchone()
    return oid if is_own and epoch_of(tx, kind, oid) == machine else None


def adopt(tx: Tx, kind: int, id: int, identity: Identity, run: int = 0) -> None:
    """Record that a row of this database is another machine's."""
    tx.run(
        "INSERT INTO sync_imported (kind, id, machine, oid, run) VALUES (:kind, :id, :machine, :oid, :run)",
        kind=kind,
        id=id,
        machine=identity.machine,
        oid=identity.oid,
        run=run,
    )


def add_tombstone(tx: Tx, kind: int, identity: Identity) -> bool:
    """Record that a row was deleted; return False if that was known."""
    sql = "INSERT OR IGNORE INTO sync_dead (kind, machine, oid) VALUES (:kind, :machine, :oid)"
    return tx.run(sql, kind=kind, machine=identity.machine, oid=identity.oid).rowcount > 0


def has_tombstone(tx: Tx, kind: int, identity: Identity) -> bool:
    """Return True if the row was deleted."""
    sql = "SELECT 1 FROM sync_dead WHERE kind = :kind AND machine = :machine AND oid = :oid"
    return tx.run(sql, kind=kind, machine=identity.machine, oid=identity.oid).fetchone() is not None


class Stamp(NamedTuple):
    """The time and machine of the last change of a row in place; the larger one wins."""

    at: int
    machine: bytes


NEVER = Stamp(0, b"")


def stamp_of(tx: Tx, kind: int, id: int) -> Stamp:
    """Return the stamp of the row's last change in place, `NEVER` if there was none."""
    row = tx.run(
        """
        SELECT s.stamp, m.uid FROM sync_stamps AS s JOIN sync_machines AS m ON m.n = s.machine
        WHERE s.kind = :kind AND s.id = :id
        """,
        kind=kind,
        id=id,
    ).fetchone()
    return NEVER if row is None else Stamp(*row)


def set_stamp(tx: Tx, kind: int, id: int, stamp: int, machine: int) -> None:
    """Record the row's last change in place."""
    tx.run(
        "INSERT OR REPLACE INTO sync_stamps (kind, id, stamp, machine) VALUES (:kind, :id, :stamp, :machine)",
        kind=kind,
        id=id,
        stamp=stamp,
        machine=machine,
    )
