"""Append messages, and update the session's counters, times, name and status in the same transaction."""

import msgspec

from segue.errors import Conflict, InvalidParams, NotFound, TooLarge
from segue.models import MAX_INTEGER, Draft, Message
from segue.results import Appended, AppendedMany
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import message_row, messages, resolve, sessions
from segue.store.records.idempotency import PreparedMessage, find_first_of_key
from segue.store.records.resolve import DirectoryKey
from segue.store.records.session_identity import name_from
from segue.store.records.sessions import Scope

INLINE_BYTES = 16_384
"""Bytes: the largest message that is written on the event loop. It takes about 30 µs within a batch."""


def prepare(draft: Draft, content_bytes: int, path: str = "$") -> PreparedMessage:
    """Check a draft and encode it, so that the write transaction has less to do.

    Raises:
        InvalidParams: a summary has a role other than `system`.
        TooLarge: content, parts and metadata together are larger than `content_bytes`.
    """
    if draft.is_summary and draft.role != "system":
        raise InvalidParams("a summary has the role system", path=f"{path}.is_summary")
    parts, metadata = encode_json(draft.parts), encode_json(draft.metadata) or "{}"
    size = len(draft.content.encode()) + len((parts or "").encode()) + (len(metadata.encode()) if draft.metadata else 0)
    if size > content_bytes:
        raise TooLarge(f"content, parts and metadata have {size} bytes", limit=content_bytes)
    columns = {name: getattr(draft, name) for name in message_row.DRAFT_COLUMNS}
    columns.update(is_summary=bool(draft.is_summary), parts=parts, metadata=metadata)
    return PreparedMessage(draft, columns, size)


def append(
    tx: Tx, session_id: str, new: PreparedMessage, *, expected_last_id: int | None, resumed: bool = False
) -> Appended:
    """Store the message at the end of the session.

    Raises:
        NotFound: there is no such session.
        Conflict: the key was used for another message (`key`), or the newest message is not the expected one
            (`last_id`).
    """
    if new.draft.key is not None and (first := find_first_of_key(tx, new, session_id=session_id)):
        # A retry that names the session resumed nothing, even if the first append did.
        return msgspec.structs.replace(first, resumed=False)
    if expected_last_id is not None:
        sessions.require(tx, session_id)
        _check_last_id(tx, session_id, expected_last_id)
    session = _update_counters(tx, session_id, [new.draft])
    message_id = _insert(tx, session_id, new, resumed)
    _emit_appended(tx, session_id, session, message_id, new.draft)
    _name_and_reactivate(tx, session_id, session, [new.draft])
    return Appended(message_id=message_id, session_id=session_id, created_at=tx.at, duplicate=False, resumed=resumed)


def append_to_directory(
    tx: Tx, directory: DirectoryKey, continuity_ms: int, new: PreparedMessage, *, expected_last_id: int | None
) -> Appended:
    """Store the message in the session that the directory continues.

    The key is looked up in all sessions of the directory, because a retry may find another session continued.
    """
    if new.draft.key is not None and (first := find_first_of_key(tx, new, directory=directory)):
        return first
    resolution = resolve.resolve(tx, directory, continuity_ms, create=True)
    if resolution.session is None:
        raise AssertionError("resolve with create returned no session")
    return append(tx, resolution.session.id, new, expected_last_id=expected_last_id, resumed=resolution.resumed)


def append_many(
    tx: Tx, session_id: str, prepared: list[PreparedMessage], *, expected_last_id: int | None
) -> AppendedMany:
    """Store all messages in the order given, or none."""
    session = sessions.scope(tx, session_id)
    if expected_last_id is not None and any(_is_new(tx, session_id, new) for new in prepared):
        _check_last_id(tx, session_id, expected_last_id)
    message_ids: list[int] = []
    stored: list[Draft] = []
    for new in prepared:
        if new.draft.key is not None and (first := find_first_of_key(tx, new, session_id=session_id)):
            message_ids.append(first.message_id)
            continue
        message_ids.append(_insert(tx, session_id, new, resumed=False))
        stored.append(new.draft)
        _emit_appended(tx, session_id, session, message_ids[-1], new.draft)
    if stored:
        _update_counters(tx, session_id, stored)
        _name_and_reactivate(tx, session_id, session, stored)
    return AppendedMany(message_ids=message_ids, session_id=session_id)


def _is_new(tx: Tx, session_id: str, new: PreparedMessage) -> bool:
    return new.draft.key is None or find_first_of_key(tx, new, session_id=session_id) is None


def _check_last_id(tx: Tx, session_id: str, expected: int) -> None:
    newest = tx.run(
        "SELECT max(id) FROM messages WHERE session_id = :id AND id >= :held_from",
        id=session_id,
        held_from=messages.held_from(tx, session_id),
    ).fetchone()[0]
    if (newest or 0) != expected:
        raise Conflict(f"the last message is {newest or 0}, not {expected}", reason="last_id", last_id=newest or 0)


_UPDATE_COUNTERS = f"""
    UPDATE sessions
    SET message_count = message_count + :count,
        input_tokens = min(input_tokens, {MAX_INTEGER} - :input_tokens) + :input_tokens,
        output_tokens = min(output_tokens, {MAX_INTEGER} - :output_tokens) + :output_tokens,
        last_message_at = :at, updated_at = :at, activity = {sessions.NEXT_ACTIVITY}
    WHERE id = :id
    RETURNING working_dir, bot_id, name, status
"""


def _insert(tx: Tx, session_id: str, new: PreparedMessage, resumed: bool) -> int:
    values = {**new.columns, "session_id": session_id, "resumed": resumed, "created_at": tx.at}
    return tx.run(message_row.INSERT, **values).lastrowid or 0


def _update_counters(tx: Tx, session_id: str, drafts: list[Draft]) -> Scope:
    """Update the session's counters, times and order of use, and return its scope.

    Raises:
        NotFound: there is no such session.
    """
    row = tx.run(
        _UPDATE_COUNTERS,
        id=session_id,
        count=len(drafts),
        # SQLite takes no larger integer as a parameter, and the counters stop there too.
        input_tokens=min(sum([draft.input_tokens or 0 for draft in drafts]), MAX_INTEGER),
        output_tokens=min(sum([draft.output_tokens or 0 for draft in drafts]), MAX_INTEGER),
        at=tx.at,
    ).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    # Compared in Python, because SQLite 3.40 finds no column NULL in an expression of RETURNING.
    working_dir, bot_id, name, status = row
    return Scope(working_dir, bot_id, name is not None, status == "crashed")


def _name_and_reactivate(tx: Tx, session_id: str, session: Scope, drafts: list[Draft]) -> None:
    """Name an unnamed session after its first user message that has text, and make a crashed session active."""
    name = None
    if not session.named:
        names = (name_from(draft.content, tx.now) for draft in drafts if draft.role == "user")
        name = next((found for found in names if found is not None), None)
    if name is None and not session.crashed:
        return
    tx.run(
        """
        UPDATE sessions
        SET name = coalesce(name, :name),
            ended_at = CASE status WHEN 'crashed' THEN NULL ELSE ended_at END,
            status = CASE status WHEN 'crashed' THEN 'active' ELSE status END
        WHERE id = :id
        """,
        id=session_id,
        name=name,
    )
    sessions.emit_if_valid(tx, "session.updated", session_id)


def _emit_appended(tx: Tx, session_id: str, session: Scope, message_id: int, draft: Draft) -> None:
    given = msgspec.structs.asdict(draft)
    given.update(is_summary=bool(draft.is_summary), metadata=draft.metadata or {})
    message = Message(id=message_id, session_id=session_id, created_at=tx.at, **given)
    tx.emit("message.appended", message, session_id=session_id, working_dir=session.working_dir, bot_id=session.bot_id)
