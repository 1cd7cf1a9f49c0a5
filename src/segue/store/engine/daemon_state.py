"""What the daemon remembers of itself from one life to the next."""

from segue.store.engine.tx import Tx


def get(tx: Tx, name: str) -> str | None:
    """The value kept under the name, if any."""
    row = tx.run("SELECT value FROM daemon_state WHERE name = :name", name=name).fetchone()
    return None if row is None else str(row[0])


def set(tx: Tx, name: str, value: str) -> None:
    """Keep the value under the name."""
    tx.run(
        "INSERT INTO daemon_state (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=name,
        value=value,
    )


def clear(tx: Tx, name: str) -> None:
    """Forget the name."""
    tx.run("DELETE FROM daemon_state WHERE name = :name", name=name)
