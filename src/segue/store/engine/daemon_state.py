"""Values that the daemon keeps across restarts, by name."""

from segue.store.engine.tx import Tx


def get(tx: Tx, name: str) -> str | None:
    """Return the value of NAME; None if there is none."""
    row = tx.run("SELECT value FROM daemon_state WHERE name = :name", name=name).fetchone()
    return None if row is None else str(row[0])


def set(tx: Tx, name: str, value: str) -> None:
    """Store VALUE under NAME."""
    tx.run(
        "INSERT INTO daemon_state (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=value,
    )


def clear(tx: Tx, name: str) -> None:
    """Delete the value of NAME."""
    tx.run("DELETE FROM daemon_state WHERE name = :name", name=name)
