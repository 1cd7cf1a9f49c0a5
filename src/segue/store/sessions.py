"""Sessions: one row each, looked up, changed and ended."""

from typing import Any

from msgspec import UNSET, UnsetType

from segue.errors import Conflict, NotFound
from segue.store import bots, purges, session_ids
from segue.store.rows import decode, encode_json
from segue.store.tx import Tx
from segue.types import EndStatus, Metadata, Session

COLUMNS = (
    "id", "bot_id", "working_dir", "name", "provider", "model", "system_prompt", "status", "pinned", "metadata",
    "created_at", "updated_at", "last_message_at", "ended_at", "message_count", "input_tokens", "output_tokens",
)  # fmt: skip

_SELECT = """
    SELECT id, bot_id, working_dir, name, provider, model, system_prompt, status, pinned, metadata,
           created_at, updated_at, last_message_at, ended_at, message_count, input_tokens, output_tokens
    FROM sessions WHERE id = :id
"""

NEXT_ACTIVITY = "(SELECT coalesce(max(activity), 0) + 1 FROM sessions)"


def get(tx: Tx, session_id: str) -> Session:
    """The session; NotFound if there is none."""
    row = tx.run(_SELECT, id=session_id).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    return decode(Session, "session", COLUMNS, row)


def require(tx: Tx, session_id: str) -> None:
    """NotFound unless there is such a session."""
    if tx.run("SELECT 1 FROM sessions WHERE id = :id", id=session_id).fetchone() is None:
        raise NotFound("session", session_id)


def create(
    tx: Tx,
    *,
    bot_id: str,
    working_dir: str | None = None,
    id: str | None = None,
    name: str | None = None,
    provider: str | None = None,
    model: str | None = None,
    system_prompt: str | None = None,
    pinned: bool = False,
    metadata: Metadata | None = None,
) -> Session:
    """A new session with a generated id unless one is given; Conflict if that exists, NotFound without the bot."""
    bots.require(tx, bot_id)
    if id is None:
        id = session_ids.generate(tx)
    elif tx.run("SELECT 1 FROM sessions WHERE id = :id", id=id).fetchone():
        raise Conflict(f"session {id!r} exists", reason="exists")
    tx.run(
        f"""
        INSERT INTO sessions (id, bot_id, working_dir, name, provider, model, system_prompt, pinned, metadata,
                              activity, created_at, updated_at, last_message_at)
        VALUES (:id, :bot_id, :working_dir, :name, :provider, :model, :system_prompt, :pinned, :metadata,
                {NEXT_ACTIVITY}, :at, :at, :at)
        """,
        id=id,
        bot_id=bot_id,
        working_dir=working_dir,
        name=name,
        provider=provider,
        model=model,
        system_prompt=system_prompt,
        pinned=pinned,
        metadata=encode_json(metadata or {}),
        at=tx.at,
    )
    return get(tx, id)


def update(tx: Tx, session_id: str, changes: dict[str, Any]) -> Session:
    """Set the columns that `changes` names and leave the others; without changes the session is untouched."""
    changes = {name: value for name, value in changes.items() if not isinstance(value, UnsetType)}
    session = get(tx, session_id)
    if not changes:
        return session
    values = {name: changes.get(name, getattr(session, name)) for name in UPDATABLE}
    values["metadata"] = encode_json(values["metadata"] or {})
    tx.run(
        """
        UPDATE sessions
        SET name = :name, provider = :provider, model = :model, system_prompt = :system_prompt,
            working_dir = :working_dir, pinned = :pinned, metadata = :metadata, updated_at = :at
        WHERE id = :id
        """,
        id=session_id,
        at=tx.at,
        **values,
    )
    return get(tx, session_id)


UPDATABLE = ("name", "provider", "model", "system_prompt", "working_dir", "pinned", "metadata")


def touch(tx: Tx, session_id: str) -> Session:
    """The session, used just now."""
    tx.run(
        f"""
        UPDATE sessions SET last_message_at = :at, updated_at = :at, activity = {NEXT_ACTIVITY} WHERE id = :id
        """,
        id=session_id,
        at=tx.at,
    )
    return get(tx, session_id)


def resume(tx: Tx, session_id: str, working_dir: str | UnsetType = UNSET) -> Session:
    """The session, active again and the newest of its directory, or of the one given."""
    activate(tx, session_id)
    update(tx, session_id, {"working_dir": working_dir})
    return touch(tx, session_id)


def activate(tx: Tx, session_id: str) -> None:
    """Make an ended session active."""
    tx.run(
        "UPDATE sessions SET status = 'active', ended_at = NULL, updated_at = :at"
        " WHERE id = :id AND status <> 'active'",
        id=session_id,
        at=tx.at,
    )


def end(tx: Tx, session_id: str, status: EndStatus) -> Session:
    """The session with its new status; the first `ended_at` stays."""
    tx.run(
        "UPDATE sessions SET status = :status, ended_at = coalesce(ended_at, :at), updated_at = :at WHERE id = :id",
        id=session_id,
        status=status,
        at=tx.at,
    )
    return get(tx, session_id)


def delete(tx: Tx, session_id: str) -> bool:
    """Whether there was such a session; its messages and summaries are gone for every reader at once."""
    if tx.run("DELETE FROM sessions WHERE id = :id", id=session_id).rowcount == 0:
        return False
    session_ids.retire(tx, session_id)
    purges.hide_all(tx, session_id)
    return True
