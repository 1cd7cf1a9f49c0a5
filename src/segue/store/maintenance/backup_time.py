"""The time of the last backup, which is kept in the database."""

from segue.store.engine import daemon_state
from segue.store.engine.tx import Tx
from segue.timestamps import FORMAT

LAST = "backup.last_at"


def set_backup_time(tx: Tx) -> None:
    """Note that a backup was made now."""
    daemon_state.set(tx, LAST, tx.at)


def backup_time(tx: Tx) -> str | None:
    """Return the time of the last backup; None if there was none."""
    found = daemon_state.get(tx, LAST)
    # Another program may have written something else.
    return found if found is not None and FORMAT.fullmatch(found) else None
