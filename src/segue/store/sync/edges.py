"""The edges between memories that supersede each other, derived so that all machines agree.

A memory is superseded by the newest memory that is not deleted and reaches it directly or over deleted ones.
"""

from segue.store.engine.tx import Tx
from segue.store.records import memories
from segue.store.sync import dirty, kinds
from segue.store.sync.kinds import MEMORY, Identity


def add(tx: Tx, old: Identity, new: Identity) -> bool:
    """Record that a memory supersedes another; return False if that was known."""
    sql = """
        INSERT OR IGNORE INTO sync_edges (old_machine, old_oid, new_machine, new_oid)
        VALUES (:old_machine, :old_oid, :new_machine, :new_oid)
    """
    values = {"old_machine": old.machine, "old_oid": old.oid, "new_machine": new.machine, "new_oid": new.oid}
    return tx.run(sql, **values).rowcount > 0


def move(tx: Tx, before: Identity, after: Identity) -> None:
    """Make the edges of a memory those of the identity that it gets, and have them published under that."""
    changed = successors(tx, before) + ([after] if predecessors(tx, before) else [])
    values = {"before": before.machine, "before_oid": before.oid}
    for end in ("old", "new"):
        tx.run(
            f"""
            UPDATE OR IGNORE sync_edges SET {end}_machine = :machine, {end}_oid = :oid
            WHERE {end}_machine = :before AND {end}_oid = :before_oid
            """,
            **values,
            **after._asdict(),
        )
        tx.run(f"DELETE FROM sync_edges WHERE {end}_machine = :before AND {end}_oid = :before_oid", **values)
    tx.run("DELETE FROM sync_dirty WHERE kind = 'edges' AND ref = :ref", ref=f"{before.machine} {before.oid}")
    for one in changed:
        dirty.mark(tx, "edges", f"{one.machine} {one.oid}")


def successors(tx: Tx, old: Identity) -> list[Identity]:
    """Return the memories that supersede one directly."""
    sql = "SELECT new_machine, new_oid FROM sync_edges WHERE old_machine = :machine AND old_oid = :oid"
    return [Identity(*row) for row in tx.run(sql, **old._asdict())]


def predecessors(tx: Tx, new: Identity) -> list[Identity]:
    """Return the memories that one supersedes directly."""
    sql = "SELECT old_machine, old_oid FROM sync_edges WHERE new_machine = :machine AND new_oid = :oid"
    return [Identity(*row) for row in tx.run(sql, **new._asdict())]


def below(tx: Tx, start: Identity) -> list[Identity]:
    """Return what a change of a memory may concern: itself, and what it supersedes directly or over deleted ones."""
    found, todo = [start], [start]
    while todo:
        for old in predecessors(tx, todo.pop()):
            if old not in found:
                found.append(old)
                if kinds.has_tombstone(tx, MEMORY, old):
                    todo.append(old)
    return found


def renew(tx: Tx, changed: list[Identity]) -> None:
    """Derive the successor of memories again, and emit an event for each that has another one."""
    for identity in changed:
        row = kinds.find_row(tx, MEMORY, identity)
        if row is None:
            continue
        successor = _newest(tx, _not_deleted(tx, identity))
        sql = "UPDATE memories SET superseded_by = :successor WHERE id = :id AND superseded_by IS NOT :successor"
        if tx.run(sql, id=row, successor=successor).rowcount:
            memories.emit_saved(tx, [row])


def _not_deleted(tx: Tx, old: Identity) -> list[int]:
    """Return the rows of the memories that are not deleted and supersede one directly or over deleted ones."""
    found: list[int] = []
    seen, todo = {old}, [old]
    while todo:
        for new in successors(tx, todo.pop()):
            if new in seen:
                continue
            seen.add(new)
            if kinds.has_tombstone(tx, MEMORY, new):
                todo.append(new)
            elif (row := kinds.find_row(tx, MEMORY, new)) is not None:
                found.append(row)
    return found


def _newest(tx: Tx, rows: list[int]) -> int | None:
    """Return the newest of the memories by time, then by identity."""
    ranked = []
    for row in rows:
        created_at = tx.run("SELECT created_at FROM memories WHERE id = :id", id=row).fetchone()[0]
        machine, oid = kinds.identity_of(tx, MEMORY, row)
        uid = bytes(tx.run("SELECT uid FROM sync_machines WHERE n = :n", n=machine).fetchone()[0])
        ranked.append((created_at, uid, oid, row))
    return max(ranked)[3] if ranked else None
