"""Find the message that an earlier append stored under the same key."""

from collections import Counter
from typing import Any, NamedTuple

import msgspec

from segue import redaction
from segue.errors import Conflict
from segue.models import Draft, Metadata, OnKey, Parts
from segue.results import Appended
from segue.store.engine.tx import Tx
from segue.store.records.message.row import CONTENT
from segue.store.records.resolve import Place

MAX_REDACTED_CHARS = 65_536
"""Characters: the longest retry that is compared with a stored message that was redacted meanwhile.

Redacting again takes time in the write transaction, so a longer one counts as a different message.
"""


class PreparedMessage(msgspec.Struct, frozen=True):
    """A draft that is checked and encoded."""

    draft: Draft
    """The draft with a plain content, one of the four roles and redacted texts."""
    columns: dict[str, Any]
    """Values of `row.DRAFT_COLUMNS`, with parts and metadata as JSON text."""
    size: int
    """Bytes of content, parts and metadata together."""

    @property
    def parts(self) -> Parts | None:
        """Return the parts."""
        return self.draft.parts

    @property
    def metadata(self) -> Metadata:
        """Return the metadata."""
        return self.draft.metadata or {}


class Found(NamedTuple):
    """The message that first used a key."""

    appended: Appended
    same: bool
    """True if role, content and parts are the same, and the stored message ended if the new one does."""


_OF_SESSION = "session_id = :session_id"


def find_first_of_key(
    tx: Tx, new: PreparedMessage, on_key: OnKey, *, session_id: str | None = None, place: Place | None = None
) -> Found | None:
    """Return the message that first used the key in the session or place, or None if the key is unused.

    A message with the same content is preferred. The key comes first in the query because its index is the most
    selective one.

    Raises:
        Conflict: the key was used for a different message, and `on_key` is "conflict".
    """
    if new.draft.key is None:
        return None
    scope = _OF_SESSION if place is None else f"s.{place.column} = :place AND s.bot_id = :bot_id"
    rows = tx.run(
        f"""
        SELECT messages.id, session_id, messages.created_at, role, {CONTENT}, parts, resumed, state
        FROM messages CROSS JOIN sessions AS s ON s.id = session_id
        WHERE key = :key AND {scope}
          AND NOT EXISTS (
              SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND messages.id < p.before_id
          )
        ORDER BY messages.id
        """,
        key=new.draft.key,
        session_id=session_id,
        place=place.value if place else None,
        bot_id=place.bot_id if place else None,
    )
    first: Appended | None = None
    for id, owner_id, created_at, role, content, parts, resumed, state in rows:
        appended = Appended(
            message_id=id, session_id=owner_id, created_at=created_at, duplicate=True, resumed=bool(resumed)
        )
        # A complete message differs from one that was only begun. A begun one continues whatever has its content.
        fits = state == "complete" or new.columns["state"] == "streaming"
        if fits and role == new.draft.role and _is_same(content, parts, new):
            return Found(appended, same=True)
        first = first or appended
    if first is not None and on_key == "conflict":
        raise Conflict(f"key {new.draft.key!r} was used for another message", reason="key")
    return None if first is None else Found(first, same=False)


def _is_same(content: str, parts: str | None, new: PreparedMessage) -> bool:
    """Return True if the stored message equals the new one, also if only one of the two was redacted."""
    new_parts = new.columns["parts"]
    if content == new.draft.content and _is_same_json(parts, new_parts):
        return True
    texts = f"{content}{parts or ''}{new.draft.content}{new_parts or ''}"
    if redaction.MARK not in texts or len(texts) > MAX_REDACTED_CHARS:
        return False
    stored = (content, None if parts is None else msgspec.json.decode(parts))
    sent = (new.draft.content, new.draft.parts)
    return any(
        _sorted_json(redaction.redact_all(raw, Counter())) == _sorted_json(redacted)
        for raw, redacted in ((stored, sent), (sent, stored))
    )


def _is_same_json(left: str | None, right: str | None) -> bool:
    """Return True if both texts hold the same value, in any order of members.

    The comparison is of text, because Python considers true, 1 and 1.0 equal.
    """
    if left == right or left is None or right is None:
        return left == right
    return _sorted_json(msgspec.json.decode(left)) == _sorted_json(msgspec.json.decode(right))


def _sorted_json(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")
