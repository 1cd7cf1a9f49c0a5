"""Sessions: one row each, looked up, changed and ended."""

from contextlib import suppress
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from segue.errors import Conflict, InvalidData, NotFound
from segue.events import EventKind, SessionDeleted
from segue.models import EndStatus, Metadata, Session
from segue.store.engine.rows import decode, encode_json
from segue.store.engine.tx import Tx
from segue.store.records import bots, purges, session_identity

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


class Scope(NamedTuple):
    """What an event says of its session, and what an append looks at."""

    working_dir: str | None
    bot_id: str
    named: bool
    crashed: bool


def scope(tx: Tx, session_id: str) -> Scope:
    """Where the session belongs; NotFound if there is none."""
    sql = "SELECT working_dir, bot_id, name IS NOT NULL, status = 'crashed' FROM sessions WHERE id = :id"
    row = tx.run(sql, id=session_id).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    return Scope(*row)


def tell(tx: Tx, kind: EventKind, session: Session) -> Session:
    """Emit the event of a session that was made, changed or ended; returns the session."""
    tx.emit(kind, session, session_id=session.id, working_dir=session.working_dir, bot_id=session.bot_id)
    return session


def tell_about(tx: Tx, kind: EventKind, session_id: str) -> None:
    """Emit the event of a session that changed on the way to something else, which must not fail if it is damaged."""
    with suppress(InvalidData):
        tell(tx, kind, get(tx, session_id))


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
    quiet: bool = False,
) -> Session:
    """A new session with a generated id unless one is given; Conflict if that exists, NotFound without the bot.

    One that is `quiet` is not complete yet: its event is left to the caller.
    """
    bots.require(tx, bot_id)
    if id is None:
        id = session_identity.generate(tx)
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
    made = get(tx, id)
    return made if quiet else tell(tx, "session.created", made)


def update(tx: Tx, session_id: str, changes: dict[str, Any]) -> Session:
    """Set the columns that `changes` names and leave the others; without changes the session is untouched."""
    changes = {name: value for name, value in changes.items() if not isinstance(value, UnsetType)}
    session = get(tx, session_id)
    if not changes:
        return session
    _change(tx, session, changes)
    return tell(tx, "session.updated", get(tx, session_id))


def _change(tx: Tx, session: Session, changes: dict[str, Any]) -> None:
    values = {name: changes.get(name, getattr(session, name)) for name in UPDATABLE}
    values["metadata"] = encode_json(values["metadata"] or {})
    tx.run(
        """
        UPDATE sessions
        SET name = :name, provider = :provider, model = :model, system_prompt = :system_prompt,
            working_dir = :working_dir, pinned = :pinned, metadata = :metadata, updated_at = :at
        WHERE id = :id
        """,
        id=session.id,
        at=tx.at,
        **values,
    )


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
    return tell(tx, "session.updated", get(tx, session_id))


def resume(tx: Tx, session_id: str, working_dir: str | UnsetType = UNSET) -> Session:
    """The session, active again and the newest of its directory, or of the one given."""
    _make_active(tx, session_id)
    if not isinstance(working_dir, UnsetType):
        _change(tx, get(tx, session_id), {"working_dir": working_dir})
    return touch(tx, session_id)


def activate(tx: Tx, session_id: str) -> None:
    """Make an ended session active."""
    if _make_active(tx, session_id):
        tell_about(tx, "session.updated", session_id)


def _make_active(tx: Tx, session_id: str) -> bool:
    changed = tx.run(
        "UPDATE sessions SET status = 'active', ended_at = NULL, updated_at = :at"
        " WHERE id = :id AND status <> 'active'",
        id=session_id,
        at=tx.at,
    )
    return changed.rowcount > 0


def end(tx: Tx, session_id: str, status: EndStatus, *, detach: bool = False) -> Session:
    """The session with its new status, and detached if asked; the first `ended_at` stays."""
    tx.run(
        """
        UPDATE sessions SET status = :status, ended_at = coalesce(ended_at, :at), updated_at = :at,
                            attached = attached AND NOT :detach
        WHERE id = :id
        """,
        id=session_id,
        status=status,
        at=tx.at,
        detach=detach,
    )
    return tell(tx, "session.ended", get(tx, session_id))


def delete(tx: Tx, session_id: str) -> bool:
    """Whether there was such a session; its messages and summaries are gone for every reader at once."""
    sql = "SELECT working_dir, bot_id FROM sessions WHERE id = :id"
    if (row := tx.run(sql, id=session_id).fetchone()) is None:
        return False
    tx.run("DELETE FROM sessions WHERE id = :id", id=session_id)
    session_identity.retire(tx, session_id)
    purges.hide_all(tx, session_id)
    gone = SessionDeleted(session_id=session_id)
    tx.emit("session.deleted", gone, session_id=session_id, working_dir=row[0], bot_id=row[1])
    return True
