"""Change the columns of a session, with compare-and-swap and merged metadata."""

from typing import Any

from msgspec import UnsetType

from segue.errors import Conflict, TooLarge
from segue.models import MAX_INTEGER, Metadata, Session
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import sessions
from segue.store.records.session_identity import IMPORTED_NAME


def update(
    tx: Tx,
    session_id: str,
    changes: dict[str, Any],
    *,
    metadata_merge: Metadata | None = None,
    expected_updated_at: str | None = None,
    content_bytes: int = MAX_INTEGER,
) -> Session:
    """Set the columns that `changes` names; UNSET values and other columns change nothing.

    Two updates never share an `updated_at`, so a client can detect another one by it.

    Raises:
        NotFound: there is no such session or parent.
        Conflict: `updated_at` is not the expected one (`updated_at`).
        TooLarge: the merged metadata is larger than `content_bytes`.
    """
    changes = {name: value for name, value in changes.items() if not isinstance(value, UnsetType)}
    session = sessions.get(tx, session_id)
    if expected_updated_at is not None and session.updated_at != expected_updated_at:
        text = f"the session was updated at {session.updated_at}, not {expected_updated_at}"
        raise Conflict(text, reason="updated_at", updated_at=session.updated_at)
    if metadata_merge is not None:
        changes["metadata"] = merge(session.metadata, metadata_merge)
    if not changes:
        return session
    if session.source is not None and ("name" in changes or IMPORTED_NAME in session.metadata):
        # An import must not replace this name, so what it gave last is kept, also if the metadata is replaced.
        imported = {IMPORTED_NAME: session.metadata.get(IMPORTED_NAME, session.name)}
        changes["metadata"] = {**(changes.get("metadata", session.metadata) or {}), **imported}
    if changes.get("parent_id") is not None:
        sessions.require(tx, changes["parent_id"])
    for name, encode in (("metadata", lambda value: value or {}), ("tags", lambda value: sorted(set(value or [])))):
        if name in changes:
            changes[name] = encode_json(encode(changes[name]))
    if len(changes.get("metadata", "").encode()) > content_bytes:
        raise TooLarge(f"metadata has more than {content_bytes} bytes", limit=content_bytes)
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    at = sessions.later(tx, session.updated_at)
    tx.run(f"UPDATE sessions SET {assignments}, updated_at = :at WHERE id = :id", id=session_id, at=at, **changes)
    return sessions.emit(tx, "session.updated", sessions.get(tx, session_id))


def merge(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396): null removes a member, an object is merged, another value replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
