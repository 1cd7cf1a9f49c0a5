"""The start of a daemon: a database that was copied or restored gets a new name before it writes."""

from pathlib import Path

from segue.store.engine.tx import Tx
from segue.store.store import Store
from segue.store.sync import account, lifecycle
from segue.store.sync.kinds import MESSAGE
from segue.sync import marks

mark_path = marks.mark_path


def new_fingerprint(database: Path) -> str:
    """Return a fingerprint of the database with a new generation."""
    return f"{marks.place_of(database)} {marks.new_generation()}"


async def begin_life(store: Store, database: Path) -> bool:
    """Take a new generation, and a new name if this is a copy or an older state; return True if sync is on."""
    own = await store.read(account.find)
    if own is None:
        return False
    uid = (await store.read(account.machine_uid, own.machine)).hex()
    mark = marks.read_mark(database)
    in_place = marks.is_same_place(database, own.fingerprint)
    newest = await store.read(account.newest_id, MESSAGE)
    is_same = in_place and marks.is_newest(mark, own.fingerprint, uid, own.accepted, newest)
    # A restored database is another file with the same path.
    in_place = in_place or mark.where == marks.path_of(database)
    fingerprint = new_fingerprint(database)
    generation = fingerprint.rpartition(" ")[2]
    mark.generations = [own.fingerprint.rpartition(" ")[2], generation] if is_same else [generation]
    marks.write_mark(database, mark)
    await store.write_deletion(_take, fingerprint, is_same=is_same, names=mark.names if in_place else None)
    await record_mark(store, database)
    return True


def _take(tx: Tx, fingerprint: str, *, is_same: bool, names: list[str] | None) -> None:
    """Take the fingerprint, and a new name unless it is the same database; NAMES are those that it had in its place."""
    if is_same:
        account.change(tx, fingerprint=fingerprint)
    else:
        lifecycle.renew(tx, fingerprint, alone=names is not None)
    account.set_former(tx, names)


async def rename(store: Store, database: Path) -> None:
    """Take a new name, because the hub shows that another copy writes as this machine."""
    await store.write(lifecycle.renew, new_fingerprint(database), late=True)
    await record_mark(store, database)


async def record_mark(store: Store, database: Path) -> None:
    """Write the file beside the database as the database is now."""
    own = await store.read(account.get)
    uid = (await store.read(account.machine_uid, own.machine)).hex()
    names = await store.read(account.own_names)
    generation = own.fingerprint.rpartition(" ")[2]
    newest = await store.read(account.newest_id, MESSAGE)
    marks.write_mark(database, marks.Mark([generation], uid, own.accepted, newest, marks.path_of(database), names))
