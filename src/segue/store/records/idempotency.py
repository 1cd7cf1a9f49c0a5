"""Find the message that an earlier append stored under the same key."""

from collections import Counter
from typing import Any

import msgspec

from segue import redaction
from segue.errors import Conflict
from segue.models import Draft
from segue.results import Appended
from segue.store.engine.tx import Tx
from segue.store.records.resolve import DirectoryKey

MAX_REDACTED_CHARS = 65_536
"""Characters: the longest retry that is compared with a stored message that was redacted meanwhile.

Redacting again takes time in the write transaction, so a longer one counts as a different message.
"""


class PreparedMessage(msgspec.Struct, frozen=True):
    """A draft that is checked and encoded."""

    draft: Draft
    columns: dict[str, Any]
    """Values of `message_row.DRAFT_COLUMNS`, with parts and metadata as JSON text."""
    size: int
    """Bytes of content, parts and metadata together."""


# Searches one session, or all sessions of a directory. The key comes first because its index is the most selective.
_OF_KEY = """
    SELECT m.id, m.session_id, m.created_at, m.role, m.content, m.parts, m.resumed
    FROM messages AS m CROSS JOIN sessions AS s ON s.id = m.session_id
    WHERE m.key = :key AND (m.session_id = :session_id OR (s.working_dir = :working_dir AND s.bot_id = :bot_id))
      AND NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = m.session_id AND m.id < p.before_id)
    ORDER BY m.id
"""


def find_first_of_key(
    tx: Tx, new: PreparedMessage, *, session_id: str | None = None, directory: DirectoryKey | None = None
) -> Appended | None:
    """Return the result of the append that first used the key, or None if the key is unused.

    Raises:
        Conflict: the key was used for a different message.
    """
    rows = tx.run(
        _OF_KEY,
        key=new.draft.key,
        session_id=session_id,
        working_dir=directory.working_dir if directory else None,
        bot_id=directory.bot_id if directory else None,
    )
    used = False
    for id, owner_id, created_at, role, content, parts, resumed in rows:
        if role == new.draft.role and _is_same(content, parts, new):
            return Appended(
                message_id=id, session_id=owner_id, created_at=created_at, duplicate=True, resumed=bool(resumed)
            )
        used = True
    if used:
        raise Conflict("the key was used for another message", reason="key")
    return None


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
