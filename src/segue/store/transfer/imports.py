"""Import a session of another tool, as often as it changes there.

1. A session is found by its tool and the tool's id of it, a message by its key within the session.
2. New messages are appended, those that differ are changed in place, the others are left. Nothing is deleted, because
   tools delete their own histories.
3. A parent may be imported later than its child, so the child keeps the wanted id in its metadata until then.
"""

from typing import Any

from segue.errors import Conflict
from segue.models import Draft, Session
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import append, session_identity, sessions
from segue.store.records.message import edit, row
from segue.store.records.message.idempotency import PreparedMessage
from segue.store.records.session_identity import automatic_base
from segue.timestamps import milliseconds
from segue.transfer import ImportedSession, ImportResult, ImportSource

IMPORTED_NAME = "imported_name"
"""The member of the metadata that tells an imported name from one that a person gave."""

WANTED_PARENT = "imported_parent"
"""The member of the metadata that holds the tool's id of a parent that is not imported yet."""

_COMPARED = (*(name for name in row.CHANGEABLE if name != "indexed"), "created_at")
_STORED = f"SELECT id, {row.read(_COMPARED)} FROM messages WHERE key = :key AND session_id = :session_id"


def import_session(
    tx: Tx, source: ImportSource, about: ImportedSession, prepared: list[PreparedMessage], *, restore: bool
) -> ImportResult:
    """Store what is new or different of a session and return the counts.

    Raises:
        Conflict: the session was deleted, and is not to be restored.
    """
    session_id = _find(tx, source.tool, source.id)
    created = session_id is None
    if session_id is None:
        if session_identity.is_source_retired(tx, source.tool, source.id):
            if not restore:
                raise Conflict("the session was deleted", reason="deleted")
            session_identity.reinstate_source(tx, source.tool, source.id)
        session_id = _create(tx, source, about)
    else:
        _update(tx, sessions.get(tx, session_id), source, about)
    added, updated, unchanged = _import_messages(tx, session_id, prepared)
    return ImportResult(session_id=session_id, created=created, added=added, updated=updated, unchanged=unchanged)


def _find(tx: Tx, tool: str, id: str) -> str | None:
    sql = "SELECT id FROM sessions WHERE source_tool = :tool AND source_id = :id"
    found = tx.run(sql, tool=tool, id=id).fetchone()
    return None if found is None else str(found[0])


def _create(tx: Tx, source: ImportSource, about: ImportedSession) -> str:
    columns = _columns(tx, source, about, {})
    moment = tx.now if about.created_at is None else milliseconds(about.created_at)
    session = sessions.create(
        tx,
        bot_id="default",
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
    changes = _columns(tx, source, about, session.metadata)
    imported_name = session.metadata.get(IMPORTED_NAME)
    if about.name and (session.name in (None, imported_name) or automatic_base(session.name or "")):
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
    if about.name is not None:
        kept[IMPORTED_NAME] = about.name
    parent_id = None if about.parent is None else _find(tx, source.tool, about.parent)
    if about.parent is not None and parent_id is None:
        kept[WANTED_PARENT] = about.parent
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


def _adopt(tx: Tx, source: ImportSource, session_id: str) -> None:
    """Make the session the parent of those that were imported before it and want it."""
    tx.run(
        f"""
        UPDATE sessions SET parent_id = :session_id, metadata = json_remove(metadata, '$.{WANTED_PARENT}')
        WHERE source_tool = :tool AND parent_id IS NULL AND metadata LIKE '%"{WANTED_PARENT}"%'
          AND json_extract(metadata, '$.{WANTED_PARENT}') = :id
        """,
        session_id=session_id,
        tool=source.tool,
        id=source.id,
    )


def _import_messages(tx: Tx, session_id: str, prepared: list[PreparedMessage]) -> tuple[int, int, int]:
    """Return how many messages were added, changed and left."""
    new: dict[str | None, PreparedMessage] = {}
    updated = unchanged = 0
    for message in prepared:
        key = message.draft.key
        found = None if key in new else tx.run(_STORED, key=key, session_id=session_id).fetchone()
        if found is None:
            new[key] = message  # The last one of a key counts, as if they came in requests of their own.
        elif changes := _changes(message, dict(zip(_COMPARED, found[1:], strict=True))):
            edit.update(tx, found[0], changes)
            updated += 1
        else:
            unchanged += 1
    append.append_many(tx, session_id, list(new.values()), append.Options(on_key="keep"))
    return len(new), updated, unchanged


def _changes(message: PreparedMessage, stored: dict[str, Any]) -> dict[str, Any]:
    draft: Draft = message.draft
    wanted = {**message.columns, "created_at": draft.created_at or stored["created_at"]}
    return {name: wanted[name] for name in _COMPARED if wanted[name] != stored[name]}
