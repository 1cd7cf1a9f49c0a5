"""Import a session of another tool, as often as it changes there.

1. A session is found by its tool and the tool's id of it, a message by its key within the session.
2. New messages are appended, those that differ are changed in place, the others are left. Nothing is deleted, because
   tools delete their own histories.
3. A parent may be imported later than its child, so the child keeps the wanted id in its metadata until then. A mark in
   `daemon_state` tells that a session wants it, because the metadata of thousands cannot be searched for each import.
"""

from typing import Any

from segue.errors import Conflict
from segue.models import Draft, Session
from segue.results import Appended
from segue.store.engine import daemon_state
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import append, session_identity, sessions
from segue.store.records.message import edit, row
from segue.store.records.message.idempotency import PreparedMessage
from segue.store.records.session_identity import IMPORTED_NAME, automatic_base
from segue.timestamps import milliseconds
from segue.transfer import ImportedSession, ImportResult, ImportSource

WANTED_PARENT = "imported_parent"
"""The member of the metadata that holds the tool's id of a parent that is not imported yet."""

_COMPARED = (*(name for name in row.CHANGEABLE if name != "indexed"), "created_at")
_STORED = f"""
    SELECT messages.key, messages.id, {row.read(_COMPARED)}
    FROM json_each(:keys) AS wanted CROSS JOIN messages ON messages.key = wanted.value AND session_id = :session_id
    ORDER BY messages.id
"""


def import_session(
    tx: Tx, source: ImportSource, about: ImportedSession, prepared: list[PreparedMessage], *, restore: bool
) -> ImportResult:
    """Store what is new or different of a session and return the counts.

    Raises:
        NotFound: there is no such bot.
        Conflict: the session was deleted, and is not to be restored.
    """
    session_id = _find(tx, source.tool, source.id)
    created = session_id is None
    if session_id is None:
        if session_identity.is_source_retired(tx, source.tool, source.id):
            if not restore:
                raise Conflict("the session was deleted; restore=true imports it again", reason="deleted")
            session_identity.reinstate_source(tx, source.tool, source.id)
        session_id = _create(tx, source, about)
    else:
        _update(tx, sessions.get(tx, session_id), source, about)
    stored = {} if created else _stored(tx, session_id, [message.draft.key for message in prepared])
    new, updated, unchanged = _sort(tx, prepared, stored)
    if new:
        # A tool that says how a session ended says so after its last message.
        _append(tx, session_id, new, reactivate=about.status is None)
    return ImportResult(session_id=session_id, created=created, added=len(new), updated=updated, unchanged=unchanged)


def _find(tx: Tx, tool: str, id: str) -> str | None:
    sql = "SELECT id FROM sessions WHERE source_tool = :tool AND source_id = :id"
    found = tx.run(sql, tool=tool, id=id).fetchone()
    return None if found is None else str(found[0])


def _create(tx: Tx, source: ImportSource, about: ImportedSession) -> str:
    columns = _columns(tx, source, about, {})
    moment = tx.now if about.created_at is None else milliseconds(about.created_at)
    session = sessions.create(
        tx,
        bot_id=about.bot_id or "default",
        id=session_identity.generate(tx, moment),
        created_at=about.created_at,
        emit_event=False,
        name=about.name,
        **columns,
    )
    tx.run(
        """
        UPDATE sessions SET source_tool = :tool, source_id = :id, source_path = :path,
                            status = coalesce(:status, status), ended_at = :ended_at
        WHERE id = :session_id
        """,
        tool=source.tool,
        id=source.id,
        path=source.path,
        status=about.status,
        ended_at=about.ended_at,
        session_id=session.id,
    )
    _adopt(tx, source, session.id)
    sessions.emit(tx, "session.created", sessions.get(tx, session.id))
    return session.id


def _update(tx: Tx, session: Session, source: ImportSource, about: ImportedSession) -> None:
    """Set the columns that differ; a name that a person gave stays, and so do members of the metadata."""
    imported_name = session.metadata.get(IMPORTED_NAME, session.name)
    is_imported = session.name in (None, imported_name) or automatic_base(session.name or "") != ""
    kept = {name: value for name, value in session.metadata.items() if name != IMPORTED_NAME or not is_imported}
    changes = _columns(tx, source, about, kept)
    if about.name and is_imported:
        changes["name"] = about.name
    changes |= {"source_path": source.path, "status": about.status, "ended_at": about.ended_at}
    stored = {**{name: getattr(session, name, None) for name in changes}, "source_path": None}
    if session.source is not None:
        stored["source_path"] = session.source.path
    different = {name: value for name, value in changes.items() if value is not None and value != stored[name]}
    if not different:
        return
    for name in ("metadata", "tags"):
        if name in different:
            different[name] = encode_json(different[name])
    assignments = ", ".join(f"{name} = :{name}" for name in different)
    at = sessions.later(tx, session.updated_at)
    tx.run(f"UPDATE sessions SET {assignments}, updated_at = :at WHERE id = :id", id=session.id, at=at, **different)
    sessions.emit(tx, "session.updated", sessions.get(tx, session.id))


def _columns(tx: Tx, source: ImportSource, about: ImportedSession, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that an import sets on a new session and on one that exists."""
    kept = {**metadata, **(about.metadata or {})}
    parent_id = None if about.parent is None else _find(tx, source.tool, about.parent)
    if about.parent is not None and parent_id is None:
        kept[WANTED_PARENT] = about.parent
        mark_wanted(tx, source.tool, about.parent)
    return {
        "working_dir": about.working_dir,
        "project": about.project,
        "provider": about.provider,
        "model": about.model,
        "system_prompt": about.system_prompt,
        "tags": None if about.tags is None else sorted(set(about.tags)),
        "archived": about.archived,
        "parent_id": parent_id,
        "metadata": kept,
    }


def mark_wanted(tx: Tx, tool: str, parent: str) -> None:
    """Record that a session wants this parent, which is not imported yet."""
    daemon_state.set(tx, _mark(tool, parent), "")


def _mark(tool: str, parent: str) -> str:
    return f"{WANTED_PARENT} {session_identity.mark_of_source(tool, parent)}"


def _adopt(tx: Tx, source: ImportSource, session_id: str) -> None:
    """Make the session the parent of those that were imported before it and want it."""
    mark = _mark(source.tool, source.id)
    if daemon_state.get(tx, mark) is None:
        return
    daemon_state.clear(tx, mark)
    tx.run(
        f"""
        UPDATE sessions SET parent_id = :session_id, metadata = json_remove(metadata, '$.{WANTED_PARENT}')
        WHERE source_tool = :tool AND parent_id IS NULL AND metadata LIKE '%"{WANTED_PARENT}"%'
          AND CASE WHEN json_valid(metadata) THEN json_extract(metadata, '$.{WANTED_PARENT}') = :id END
        """,
        session_id=session_id,
        tool=source.tool,
        id=source.id,
    )


def _sort(
    tx: Tx, prepared: list[PreparedMessage], stored: dict[str | None, tuple[Any, ...]]
) -> tuple[list[PreparedMessage], int, int]:
    """Change the stored messages that differ; return the new ones, and how many were changed and left."""
    new: dict[str | None, PreparedMessage] = {}
    updated = unchanged = 0
    for message in prepared:
        key = message.draft.key
        if key in new or key not in stored:
            new[key] = message  # The last one of a key counts, as if they came in requests of their own.
        elif changes := _changes(message, dict(zip(_COMPARED, stored[key][1:], strict=True))):
            edit.update(tx, stored[key][0], changes)
            updated += 1
        else:
            unchanged += 1
    return list(new.values()), updated, unchanged


def _stored(tx: Tx, session_id: str, keys: list[str | None]) -> dict[str | None, tuple[Any, ...]]:
    """Return the id and the columns of each message that has one of the keys, by its key."""
    stored: dict[str | None, tuple[Any, ...]] = {}
    for key, *columns in tx.run(_STORED, keys=encode_json(keys), session_id=session_id):
        stored.setdefault(key, tuple(columns))
    return stored


def _append(tx: Tx, session_id: str, new: list[PreparedMessage], *, reactivate: bool) -> None:
    """Append messages whose keys are not in the session, with one statement."""
    session = sessions.scope(tx, session_id)
    for number, message in enumerate(new):
        sessions.check_created_at(tx, message.draft.created_at, f"$.messages[{number}].created_at")
    times = [message.draft.created_at or tx.at for message in new]
    rows = [
        {**message.columns, "session_id": session_id, "resumed": False, "created_at": at}
        for message, at in zip(new, times, strict=True)
    ]
    tx.connection.executemany(row.INSERT, rows)
    # The ids are consecutive, because only this connection writes.
    first_id = tx.run("SELECT last_insert_rowid()").fetchone()[0] - len(new) + 1
    for message_id, (message, at) in enumerate(zip(new, times, strict=True), first_id):
        appended = Appended(message_id=message_id, session_id=session_id, created_at=at, duplicate=False, resumed=False)
        tx.emitted.append(append.appended_event(tx, session, appended, message))
    append.update_session(tx, session_id, new, reactivate=reactivate)


def _changes(message: PreparedMessage, stored: dict[str, Any]) -> dict[str, Any]:
    draft: Draft = message.draft
    wanted = {**message.columns, "created_at": draft.created_at or stored["created_at"]}
    return {name: wanted[name] for name in _COMPARED if wanted[name] != stored[name]}
