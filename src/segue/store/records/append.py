"""Appending messages: in one transaction with the session's counters, time, name and status."""

from collections import Counter
from typing import Any

import msgspec

from segue import redaction
from segue.errors import Conflict, InvalidParams, NotFound, TooLarge
from segue.models import MAX_INTEGER, Draft, Message
from segue.results import Appended, AppendedMany
from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import messages, resolve, sessions
from segue.store.records.resolve import DirectoryKey
from segue.store.records.session_identity import name_from
from segue.store.records.sessions import Scope

REDACTED_CHARS = 65_536
"""A longer retry of a message from which secrets were taken meanwhile is told to be another: others wait for this."""


BRIEF_BYTES = 16_384
"""A message up to this size, with its parts and metadata, is stored in some thirty microseconds among others."""


class PreparedMessage(msgspec.Struct, frozen=True):
    """A draft made ready for the file: checked, and all written that can be before the writer's turn."""

    draft: Draft
    parts: str | None
    row: dict[str, str | int | None]
    """The columns of its row that its session and the moment do not decide."""
    size: int
    """Bytes of content, parts and metadata together."""


def prepare(draft: Draft, content_bytes: int, path: str = "$") -> PreparedMessage:
    """Check what the types cannot say: InvalidParams, or TooLarge for content, parts and metadata together."""
    if draft.is_summary and draft.role != "system":
        raise InvalidParams("a summary has the role system", path=f"{path}.is_summary")
    parts, metadata = encode_json(draft.parts), encode_json(draft.metadata) or "{}"
    size = len(draft.content.encode()) + len((parts or "").encode()) + (len(metadata.encode()) if draft.metadata else 0)
    if size > content_bytes:
        raise TooLarge(f"content, parts and metadata have {size} bytes", limit=content_bytes)
    row: dict[str, str | int | None] = {
        "role": draft.role,
        "is_summary": bool(draft.is_summary),
        "token_count": draft.token_count,
        "input_tokens": draft.input_tokens,
        "output_tokens": draft.output_tokens,
        "response_ms": draft.response_ms,
        "model": draft.model,
        "stop_reason": draft.stop_reason,
        "key": draft.key,
        "metadata": metadata,
        "content": draft.content,
    }
    return PreparedMessage(draft, parts, row, size)


def append(
    tx: Tx, session_id: str, new: PreparedMessage, *, expected_last_id: int | None, resumed: bool = False
) -> Appended:
    """Store the message at the end of the session.

    Raises NotFound without the session, Conflict (`key`, or `last_id` with the newest id) if it is not as expected.
    """
    if new.draft.key is not None and (first := _first_of_key(tx, new, session_id=session_id)):
        return msgspec.structs.replace(first, resumed=False)  # nothing is resumed where the session was named
    if expected_last_id is not None:
        sessions.require(tx, session_id)
        _check_last_id(tx, session_id, expected_last_id)
    session = _account(tx, session_id, [new.draft])
    message_id = _insert(tx, session_id, new, resumed)
    _tell_appended(tx, session_id, session, message_id, new.draft)
    _wake(tx, session_id, session, [new.draft])
    return Appended(message_id=message_id, session_id=session_id, created_at=tx.at, duplicate=False, resumed=resumed)


def append_to_directory(
    tx: Tx, place: DirectoryKey, continuity_ms: int, new: PreparedMessage, *, expected_last_id: int | None
) -> Appended:
    """Store the message in the session that the place continues; a key is looked for in all its sessions."""
    if new.draft.key is not None and (first := _first_of_key(tx, new, place=place)):
        return first
    resolution = resolve.resolve(tx, place, continuity_ms, create=True)
    if resolution.session is None:
        raise AssertionError("resolve with create always gives a session")
    return append(tx, resolution.session.id, new, expected_last_id=expected_last_id, resumed=resolution.resumed)


def append_many(
    tx: Tx, session_id: str, several: list[PreparedMessage], *, expected_last_id: int | None
) -> AppendedMany:
    """Store all messages or none, in the order given."""
    session = sessions.scope(tx, session_id)
    if expected_last_id is not None and any(_is_new(tx, session_id, new) for new in several):
        _check_last_id(tx, session_id, expected_last_id)
    message_ids: list[int] = []
    stored: list[Draft] = []
    for new in several:
        if new.draft.key is not None and (first := _first_of_key(tx, new, session_id=session_id)):
            message_ids.append(first.message_id)
            continue
        message_ids.append(_insert(tx, session_id, new, resumed=False))
        stored.append(new.draft)
        _tell_appended(tx, session_id, session, message_ids[-1], new.draft)
    if stored:
        _account(tx, session_id, stored)
        _wake(tx, session_id, session, stored)
    return AppendedMany(message_ids=message_ids, session_id=session_id)


def _is_new(tx: Tx, session_id: str, new: PreparedMessage) -> bool:
    return new.draft.key is None or _first_of_key(tx, new, session_id=session_id) is None


# Of one session, or of all that a place has; found by the key, whose index is the narrowest.
_OF_KEY = """
    SELECT m.id, m.session_id, m.created_at, m.role, m.content, m.parts, m.resumed
    FROM messages AS m CROSS JOIN sessions AS s ON s.id = m.session_id
    WHERE m.key = :key AND (m.session_id = :session_id OR (s.working_dir = :working_dir AND s.bot_id = :bot_id))
      AND NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = m.session_id AND m.id < p.before_id)
    ORDER BY m.id
"""


def _first_of_key(
    tx: Tx, new: PreparedMessage, *, session_id: str | None = None, place: DirectoryKey | None = None
) -> Appended | None:
    """The result that the key's first message had, if it was the same message; Conflict if it was another."""
    rows = tx.run(
        _OF_KEY,
        key=new.draft.key,
        session_id=session_id,
        working_dir=place.working_dir if place else None,
        bot_id=place.bot_id if place else None,
    ).fetchall()
    for id, its_session_id, created_at, role, content, parts, resumed in rows:
        if role == new.draft.role and _is_same(content, parts, new):
            return Appended(
                message_id=id, session_id=its_session_id, created_at=created_at, duplicate=True, resumed=bool(resumed)
            )
    if rows:
        raise Conflict("the key was used for another message", reason="key")
    return None


def _is_same(content: str, parts: str | None, new: PreparedMessage) -> bool:
    """Whether the stored message is the new one, also if the secrets were taken out of one of the two only."""
    if content == new.draft.content and _same_json(parts, new.parts):
        return True
    texts = f"{content}{parts or ''}{new.draft.content}{new.parts or ''}"
    if redaction.MARK not in texts or len(texts) > REDACTED_CHARS:
        return False
    stored = (content, None if parts is None else msgspec.json.decode(parts))
    sent = (new.draft.content, new.draft.parts)
    return any(
        _sorted_value(redaction.redact_all(raw, Counter())) == _sorted_value(clean)
        for raw, clean in ((stored, sent), (sent, stored))
    )


def _same_json(one: str | None, other: str | None) -> bool:
    """Whether both say the same, in whatever order; compared as text, for Python takes true, 1 and 1.0 for equal."""
    if one == other or one is None or other is None:
        return one == other
    return _sorted(one) == _sorted(other)


def _sorted(text: str) -> bytes:
    return _sorted_value(msgspec.json.decode(text))


def _sorted_value(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _check_last_id(tx: Tx, session_id: str, expected: int) -> None:
    newest = tx.run(
        "SELECT max(id) FROM messages WHERE session_id = :id AND id >= :held_from",
        id=session_id,
        held_from=messages.held_from(tx, session_id),
    ).fetchone()[0]
    if (newest or 0) != expected:
        raise Conflict(f"the last message is {newest or 0}, not {expected}", reason="last_id", last_id=newest or 0)


_INSERT = """
    INSERT INTO messages (session_id, role, is_summary, token_count, input_tokens, output_tokens, response_ms,
                          model, stop_reason, key, resumed, created_at, metadata, parts, content)
    VALUES (:session_id, :role, :is_summary, :token_count, :input_tokens, :output_tokens, :response_ms,
            :model, :stop_reason, :key, :resumed, :at, :metadata, :parts, :content)
"""

_ACCOUNT = f"""
    UPDATE sessions
    SET message_count = message_count + :count,
        input_tokens = min(input_tokens, {MAX_INTEGER} - :input_tokens) + :input_tokens,
        output_tokens = min(output_tokens, {MAX_INTEGER} - :output_tokens) + :output_tokens,
        last_message_at = :at, updated_at = :at, activity = {sessions.NEXT_ACTIVITY}
    WHERE id = :id
    RETURNING working_dir, bot_id, name, status
"""


def _insert(tx: Tx, session_id: str, new: PreparedMessage, resumed: bool) -> int:
    return tx.run(_INSERT, **new.row, parts=new.parts, session_id=session_id, resumed=resumed, at=tx.at).lastrowid or 0


def _account(tx: Tx, session_id: str, drafts: list[Draft]) -> Scope:
    """Bring the session's counters, times and order of use up to date; NotFound if there is none."""
    row = tx.run(
        _ACCOUNT,
        id=session_id,
        count=len(drafts),
        # Above the largest integer, which no parameter can be, the counters stop in any case.
        input_tokens=min(sum([draft.input_tokens or 0 for draft in drafts]), MAX_INTEGER),
        output_tokens=min(sum([draft.output_tokens or 0 for draft in drafts]), MAX_INTEGER),
        at=tx.at,
    ).fetchone()
    if row is None:
        raise NotFound("session", session_id)
    # Compared here: SQLite (seen in 3.40) takes no column for NULL in an expression of RETURNING.
    working_dir, bot_id, name, status = row
    return Scope(working_dir, bot_id, name is not None, status == "crashed")


def _wake(tx: Tx, session_id: str, session: Scope, drafts: list[Draft]) -> None:
    """Name the session by its first user message that gives a name, and make a crashed one active."""
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
    sessions.tell_about(tx, "session.updated", session_id)


def _tell_appended(tx: Tx, session_id: str, session: Scope, message_id: int, draft: Draft) -> None:
    message = Message(
        id=message_id,
        session_id=session_id,
        role=draft.role,
        content=draft.content,
        parts=draft.parts,
        token_count=draft.token_count,
        input_tokens=draft.input_tokens,
        output_tokens=draft.output_tokens,
        model=draft.model,
        stop_reason=draft.stop_reason,
        response_ms=draft.response_ms,
        is_summary=bool(draft.is_summary),
        key=draft.key,
        metadata=draft.metadata or {},
        created_at=tx.at,
    )
    tx.emit("message.appended", message, session_id=session_id, working_dir=session.working_dir, bot_id=session.bot_id)
