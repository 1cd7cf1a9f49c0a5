"""Create, read, change, end and delete sessions."""

from contextlib import suppress
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from segue.errors import Conflict, InvalidData, NotFound
from segue.events import EventKind, SessionDeleted
from segue.models import EndStatus, Session
from segue.store.engine.rows import decode, encode_json, fetch_row
from segue.store.engine.tx import Tx
from segue.store.records import bots, purges, session_identity

COLUMNS = Session.__struct_fields__
"""The columns of the table `sessions` that clients see. They are named after the members of `Session`."""

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM sessions WHERE id = :id"

NEXT_ACTIVITY = "(SELECT coalesce(max(activity), 0) + 1 FROM sessions)"
"""SQL: the next value of the counter that orders sessions by use."""

UPDATABLE = ("name", "provider", "model", "system_prompt", "working_dir", "pinned", "metadata")
"""The columns that `update` can change."""

_GIVEN_COLUMNS = ("id", "bot_id", *UPDATABLE)

_INSERT = f"""
    INSERT INTO sessions ({", ".join(_GIVEN_COLUMNS)}, activity, created_at, updated_at, last_message_at)
    VALUES ({", ".join(f":{name}" for name in _GIVEN_COLUMNS)}, {NEXT_ACTIVITY}, :at, :at, :at)
"""


def get(tx: Tx, session_id: str) -> Session:
    """Return the session.

    Raises:
        NotFound: there is no such session.
        InvalidData: the row cannot be decoded.
    """
    row = fetch_row(tx, "session", session_id, _SELECT, id=session_id)
    if row is None:
        raise NotFound("session", session_id)
    return decode(Session, "session", COLUMNS, row)


def require(tx: Tx, session_id: str) -> None:
    """Raise NotFound unless there is such a session."""
    if tx.run("SELECT 1 FROM sessions WHERE id = :id", id=session_id).fetchone() is None:
        raise NotFound("session", session_id)


class Scope(NamedTuple):
    """The columns of a session that events and appends need."""

    working_dir: str | None
    bot_id: str
    named: bool
    crashed: bool


def scope(tx: Tx, session_id: str) -> Scope:
    """Return the session's scope.

    Raises:
        NotFound: there is no such session.
    """
    sql = "SELECT working_dir, bot_id, name IS NOT NULL, status = 'crashed' FROM sessions WHERE id = :id"
    row = tx.run(sql, id=session_id).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    return Scope(*row)


def emit(tx: Tx, kind: EventKind, session: Session) -> Session:
    """Emit an event about the session, and return the session."""
    tx.emit(kind, session, session_id=session.id, working_dir=session.working_dir, bot_id=session.bot_id)
    return session


def emit_if_valid(tx: Tx, kind: EventKind, session_id: str) -> None:
    """Emit an event about the session unless its row is damaged, because the write itself must not fail for it."""
    with suppress(InvalidData):
        emit(tx, kind, get(tx, session_id))


def create(tx: Tx, /, *, bot_id: str, id: str | None = None, emit_event: bool = True, **columns: Any) -> Session:
    """Create a session, with a generated id if none is given; `columns` are some of UPDATABLE.

    The caller passes `emit_event=False` if it completes the session and emits the event itself.

    Raises:
        NotFound: there is no such bot.
        Conflict: the id exists.
    """
    bots.require(tx, bot_id)
    if id is None:
        id = session_identity.generate(tx)
    elif tx.run("SELECT 1 FROM sessions WHERE id = :id", id=id).fetchone():
        raise Conflict(f"session {id!r} exists", reason="exists")
    values = {**dict.fromkeys(UPDATABLE), **columns}
    values.update(pinned=bool(values["pinned"]), metadata=encode_json(values["metadata"] or {}))
    tx.run(_INSERT, id=id, bot_id=bot_id, at=tx.at, **values)
    created = get(tx, id)
    return emit(tx, "session.created", created) if emit_event else created


def update(tx: Tx, session_id: str, changes: dict[str, Any]) -> Session:
    """Set the columns that `changes` names; UNSET values and other columns change nothing."""
    changes = {name: value for name, value in changes.items() if not isinstance(value, UnsetType)}
    session = get(tx, session_id)
    if not changes:
        return session
    _change(tx, session, changes)
    return emit(tx, "session.updated", get(tx, session_id))


def _change(tx: Tx, session: Session, changes: dict[str, Any]) -> None:
    values = {name: changes.get(name, getattr(session, name)) for name in UPDATABLE}
    values["metadata"] = encode_json(values["metadata"] or {})
    assignments = ", ".join(f"{name} = :{name}" for name in UPDATABLE)
    tx.run(f"UPDATE sessions SET {assignments}, updated_at = :at WHERE id = :id", id=session.id, at=tx.at, **values)


def touch(tx: Tx, session_id: str) -> Session:
    """Set the session's times to now, make it the most recently used one, and return it."""
    tx.run(
        f"""
        UPDATE sessions SET last_message_at = :at, updated_at = :at, activity = {NEXT_ACTIVITY} WHERE id = :id
        """,
        id=session_id,
        at=tx.at,
    )
    return emit(tx, "session.updated", get(tx, session_id))


def resume(tx: Tx, session_id: str, working_dir: str | UnsetType = UNSET) -> Session:
    """Make the session active and the newest of its directory; a given directory becomes its own."""
    _make_active(tx, session_id)
    if not isinstance(working_dir, UnsetType):
        _change(tx, get(tx, session_id), {"working_dir": working_dir})
    return touch(tx, session_id)


def activate(tx: Tx, session_id: str) -> None:
    """Make an ended session active."""
    if _make_active(tx, session_id):
        emit_if_valid(tx, "session.updated", session_id)


def _make_active(tx: Tx, session_id: str) -> bool:
    changed = tx.run(
        "UPDATE sessions SET status = 'active', ended_at = NULL, updated_at = :at"
        " WHERE id = :id AND status <> 'active'",
        id=session_id,
        at=tx.at,
    )
    return changed.rowcount > 0


def end(tx: Tx, session_id: str, status: EndStatus, *, detach: bool = False) -> Session:
    """Set the session's status, detach it if `detach` is set, and return it; the first `ended_at` stays."""
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
    return emit(tx, "session.ended", get(tx, session_id))


def delete(tx: Tx, session_id: str) -> bool:
    """Delete the session with its messages and summaries, and return True if there was one.

    Readers see the deletion with the commit; the messages are purged later.
    """
    sql = "SELECT working_dir, bot_id FROM sessions WHERE id = :id"
    if (row := tx.run(sql, id=session_id).fetchone()) is None:
        return False
    tx.run("DELETE FROM sessions WHERE id = :id", id=session_id)
    session_identity.retire(tx, session_id)
    purges.hide_all(tx, session_id)
    event = SessionDeleted(session_id=session_id)
    tx.emit("session.deleted", event, session_id=session_id, working_dir=row[0], bot_id=row[1])
    return True
