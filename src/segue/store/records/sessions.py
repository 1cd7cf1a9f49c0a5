"""Create, read, end and delete sessions, and make them active."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from segue.errors import Conflict, InvalidData, InvalidParams, NotFound
from segue.events import EventKind, SessionDeleted
from segue.models import EndStatus, Session
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import bots, purges, session_identity
from segue.store.records.session_row import SELECT, to_session
from segue.timestamps import milliseconds, timestamp

NEXT_ACTIVITY = "(SELECT coalesce(max(activity), 0) + 1 FROM sessions)"
"""SQL: the next value of the counter that orders sessions by use."""

DAY_MS = 86_400_000

UPDATABLE = (
    "name", "provider", "model", "system_prompt", "working_dir", "pinned", "metadata", "project", "tags", "archived",
    "parent_id", "retention_days",
)  # fmt: skip
"""The columns that the client sets."""

_GIVEN_COLUMNS = ("id", "bot_id", *UPDATABLE)

_INSERT = f"""
    INSERT INTO sessions ({", ".join(_GIVEN_COLUMNS)}, activity, created_at, updated_at, last_message_at)
    VALUES ({", ".join(f":{name}" for name in _GIVEN_COLUMNS)}, {NEXT_ACTIVITY}, :created_at, :at, :created_at)
"""


def get(tx: Tx, session_id: str) -> Session:
    """Return the session.

    Raises:
        NotFound: there is no such session.
        InvalidData: the row cannot be decoded.
    """
    row = tx.run(f"{SELECT} WHERE id = :id", id=session_id).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    return to_session(row)


def require(tx: Tx, session_id: str) -> None:
    """Raise NotFound unless there is such a session."""
    if not exists(tx, session_id):
        raise NotFound("session", session_id)


def exists(tx: Tx, session_id: str) -> bool:
    """Return True if there is such a session."""
    return tx.run("SELECT 1 FROM sessions WHERE id = :id", id=session_id).fetchone() is not None


def ensure(tx: Tx, session_id: str, creation: dict[str, Any] | None) -> None:
    """Create the session with the columns of `creation` if there is none; None creates none."""
    if creation is not None and not exists(tx, session_id):
        create(tx, id=session_id, **creation)


class Scope(NamedTuple):
    """The columns of a session that events and appends need."""

    working_dir: str | None
    bot_id: str
    named: bool
    crashed: bool
    project: str | None


def scope(tx: Tx, session_id: str) -> Scope:
    """Return the session's scope.

    Raises:
        NotFound: there is no such session.
    """
    found = find_scope(tx, session_id)
    if found is None:
        raise NotFound("session", session_id)
    return found


def find_scope(tx: Tx, session_id: str) -> Scope | None:
    """Return the session's scope; None if there is no such session."""
    sql = "SELECT working_dir, bot_id, name IS NOT NULL, status = 'crashed', project FROM sessions WHERE id = ?"
    row = tx.connection.execute(sql, (session_id,)).fetchone()
    return None if row is None else Scope(*row)


def emit(tx: Tx, kind: EventKind, session: Session) -> Session:
    """Emit an event about the session, and return the session."""
    tx.emit(kind, session, session_id=session.id, working_dir=session.working_dir, bot_id=session.bot_id)
    return session


def emit_if_valid(tx: Tx, kind: EventKind, session_id: str) -> None:
    """Emit an event about the session unless its row is damaged, because the write itself must not fail for it."""
    with suppress(InvalidData):
        emit(tx, kind, get(tx, session_id))


def later(tx: Tx, before: str | None) -> str:
    """Return the current time, or a millisecond after `before` if that is later, so that two changes differ."""
    if before is None or before < tx.at:
        return tx.at
    try:
        return timestamp(milliseconds(before) + 1)
    except ValueError:  # Another program wrote it.
        return tx.at


def check_created_at(tx: Tx, created_at: str | None, path: str) -> None:
    """Raise InvalidParams if the time is more than a day from now."""
    if created_at is not None and created_at > timestamp(tx.now + DAY_MS):
        raise InvalidParams(f"{created_at} is more than a day in the future", path=path)


def create(
    tx: Tx,
    /,
    *,
    bot_id: str,
    id: str | None = None,
    created_at: str | None = None,
    emit_event: bool = True,
    terminal: str | None = None,
    **columns: Any,
) -> Session:
    """Create a session, with a generated id if none is given; `columns` are some of UPDATABLE.

    The caller passes `emit_event=False` if it completes the session and emits the event itself.

    Raises:
        NotFound: there is no such bot or parent.
        Conflict: the id exists.
    """
    bots.require(tx, bot_id)
    check_created_at(tx, created_at, "$.created_at")
    if id is None:
        id = session_identity.generate(tx)
    elif exists(tx, id):
        raise Conflict(f"session {id!r} exists", reason="exists")
    values = {**dict.fromkeys(UPDATABLE), **columns}
    if values["parent_id"] is not None:
        require(tx, values["parent_id"])
    values.update(
        pinned=bool(values["pinned"]),
        archived=bool(values["archived"]),
        metadata=encode_json(values["metadata"] or {}),
        tags=encode_json(sorted(set(values["tags"] or []))),
    )
    tx.run(_INSERT, id=id, bot_id=bot_id, created_at=created_at or tx.at, at=tx.at, **values)
    mark_terminal(tx, id, terminal)
    created = get(tx, id)
    return emit(tx, "session.created", created) if emit_event else created


def touch(tx: Tx, session_id: str) -> Session:
    """Set the session's times to now, make it the most recently used one, and return it.

    `last_message_at` never goes back, because the clock may have been wrong.
    """
    tx.run(
        f"""
        UPDATE sessions SET last_message_at = max(last_message_at, :at), updated_at = max(updated_at, :at),
                            activity = {NEXT_ACTIVITY}
        WHERE id = :id
        """,
        id=session_id,
        at=tx.at,
    )
    return emit(tx, "session.updated", get(tx, session_id))


def mark_terminal(tx: Tx, session_id: str, terminal: str | None) -> None:
    """Record that the session was used in the terminal now; None records nothing."""
    if terminal is not None:
        sql = "UPDATE sessions SET terminal = :terminal, terminal_at = :at WHERE id = :id"
        tx.run(sql, id=session_id, terminal=terminal, at=tx.at)


def resume(
    tx: Tx, session_id: str, home: Mapping[str, str | None] | None = None, terminal: str | None = None
) -> Session:
    """Make the session active and the newest of its directory; `working_dir` and `project` in `home` become its own.

    Raises:
        NotFound: there is no such session.
        Conflict: the session is imported.
    """
    row = tx.run("SELECT source_tool FROM sessions WHERE id = :id", id=session_id).fetchone()
    if row is not None and row[0] is not None:
        raise Conflict(f"session {session_id!r} is imported; fork it to continue it", reason="imported")
    _make_active(tx, session_id)
    tx.run("UPDATE sessions SET archived = 0 WHERE id = :id", id=session_id)
    for column, value in (home or {}).items():
        tx.run(f"UPDATE sessions SET {column} = :value WHERE id = :id", id=session_id, value=value)
    mark_terminal(tx, session_id, terminal)
    return touch(tx, session_id)


def activate(tx: Tx, session_id: str) -> None:
    """Make an ended session active."""
    if _make_active(tx, session_id):
        emit_if_valid(tx, "session.updated", session_id)


def _make_active(tx: Tx, session_id: str) -> bool:
    changed = tx.run(
        "UPDATE sessions SET status = 'active', ended_at = NULL, updated_at = max(updated_at, :at)"
        " WHERE id = :id AND status <> 'active'",
        id=session_id,
        at=tx.at,
    )
    return changed.rowcount > 0


def end(tx: Tx, session_id: str, status: EndStatus, *, detach: bool = False) -> Session:
    """Set the session's status, detach it if `detach` is set, and return it; the first `ended_at` stays."""
    tx.run(
        """
        UPDATE sessions SET status = :status, ended_at = coalesce(ended_at, :at), updated_at = max(updated_at, :at),
                            attached = attached AND NOT :detach
        WHERE id = :id
        """,
        id=session_id,
        status=status,
        at=tx.at,
        detach=detach,
    )
    return emit(tx, "session.ended", get(tx, session_id))


def count_deleted(tx: Tx, session_id: str, deleted: int) -> None:
    """Subtract deleted messages from the session's count."""
    tx.run(
        """
        UPDATE sessions SET message_count = message_count - :deleted, updated_at = max(updated_at, :at)
        WHERE id = :id
        """,
        id=session_id,
        deleted=deleted,
        at=tx.at,
    )


def delete(tx: Tx, session_id: str, *, for_good: bool = True) -> bool:
    """Delete the session with its messages and summaries, and return True if there was one.

    Readers see the deletion with the commit; the messages are purged later. An imported session that is deleted for
    good is not imported again when it changes in its tool.
    """
    sql = "SELECT working_dir, bot_id, source_tool, source_id FROM sessions WHERE id = :id"
    if (row := tx.run(sql, id=session_id).fetchone()) is None:
        return False
    tx.run("DELETE FROM sessions WHERE id = :id", id=session_id)
    session_identity.retire(tx, session_id)
    if for_good and row[3] is not None:
        session_identity.retire_source(tx, row[2], row[3])
    purges.hide_all(tx, session_id)
    event = SessionDeleted(session_id=session_id)
    tx.emit("session.deleted", event, session_id=session_id, working_dir=row[0], bot_id=row[1])
    return True
