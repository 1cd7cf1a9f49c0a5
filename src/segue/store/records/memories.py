"""Memories: saved, superseded, listed by importance and then by age."""

from segue.errors import Conflict, InvalidParams, NotFound
from segue.events import MemoryDeleted
from segue.models import Memory, MemoryDraft
from segue.results import MemoryPage
from segue.store.engine.rows import decode, wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import bots, messages, sessions

COLUMNS = (
    "id", "bot_id", "session_id", "fact", "category", "importance", "source_message_id", "superseded_by",
    "is_manual", "created_at",
)  # fmt: skip

_SELECT = """
    SELECT id, bot_id, session_id, fact, category, importance, source_message_id, superseded_by,
           is_manual, created_at
    FROM memories
"""

_SELECT_SCOPE = """
    SELECT m.id, m.session_id, s.working_dir, m.bot_id
    FROM memories AS m LEFT JOIN sessions AS s ON s.id = m.session_id
"""

# One condition each that an index serves; a list names a bot, a session, or both.
_SCOPES = {
    (True, False): "bot_id = :bot_id",
    (False, True): "session_id = :session_id",
    (True, True): "bot_id = :bot_id AND session_id = :session_id",
}

_MATCHES = """
    AND (:category IS NULL OR category = :category)
    AND (:include_superseded OR superseded_by IS NULL)
"""

_TOTAL = {named: f"SELECT count(*) FROM memories WHERE {scope} {_MATCHES}" for named, scope in _SCOPES.items()}

_PAGE = {
    named: f"{_SELECT} WHERE {scope} {_MATCHES} ORDER BY importance DESC, id DESC LIMIT :limit OFFSET :offset"
    for named, scope in _SCOPES.items()
}


def get(tx: Tx, memory_id: int) -> Memory:
    """The memory; NotFound if there is none."""
    row = tx.run(f"{_SELECT} WHERE id = :id", id=memory_id).fetchone()
    if row is None:
        raise NotFound("memory", memory_id)
    return decode(Memory, "memory", COLUMNS, row)


def save(tx: Tx, bot_id: str, session_id: str | None, draft: MemoryDraft, path: str = "$") -> Memory:
    """A new memory; the one that it supersedes points to it from now on.

    Raises NotFound for an unknown bot, session, message or memory, InvalidParams for a message of another
    session or a memory of another bot, Conflict (`superseded`) for a memory that was superseded already.
    """
    bots.require(tx, bot_id)
    if session_id is not None:
        sessions.require(tx, session_id)
    if draft.source_message_id is not None:
        source = messages.get(tx, draft.source_message_id)
        if session_id not in (None, source.session_id):
            raise InvalidParams("a message of another session", path=f"{path}.source_message_id")
    memory_id = tx.run(
        """
        INSERT INTO memories (bot_id, session_id, category, importance, source_message_id, is_manual, created_at, fact)
        VALUES (:bot_id, :session_id, :category, :importance, :source_message_id, :is_manual, :at, :fact)
        """,
        bot_id=bot_id,
        session_id=session_id,
        category=draft.category,
        importance=draft.importance,
        source_message_id=draft.source_message_id,
        is_manual=bool(draft.is_manual),
        at=tx.at,
        fact=draft.fact,
    ).lastrowid
    memory = get(tx, memory_id or 0)
    if draft.supersedes is not None:
        _supersede(tx, draft.supersedes, memory, path)
    tx.emit(
        "memory.saved",
        memory,
        session_id=session_id,
        working_dir=None if session_id is None else sessions.scope(tx, session_id).working_dir,
        bot_id=bot_id,
    )
    return memory


def delete(tx: Tx, memory_id: int) -> bool:
    """Whether there was such a memory; what it superseded is then superseded by its successor, or current again."""
    tx.run(
        """
        UPDATE memories SET superseded_by = (SELECT superseded_by FROM memories WHERE id = :id)
        WHERE superseded_by = :id
        """,
        id=memory_id,
    )
    gone = tx.run(f"{_SELECT_SCOPE} WHERE m.id = :id", id=memory_id).fetchall()
    tx.run("DELETE FROM memories WHERE id = :id", id=memory_id)
    _tell_deleted(tx, gone)
    return bool(gone)


def delete_all(tx: Tx, bot_id: str) -> int:
    """How many memories the bot had; NotFound if there is no such bot."""
    bots.require(tx, bot_id)
    gone = tx.run(f"{_SELECT_SCOPE} WHERE m.bot_id = :id ORDER BY m.id", id=bot_id).fetchall()
    tx.run("DELETE FROM memories WHERE bot_id = :id", id=bot_id)
    _tell_deleted(tx, gone)
    return len(gone)


def list_page(
    tx: Tx,
    *,
    bot_id: str | None,
    session_id: str | None,
    category: str | None = None,
    include_superseded: bool = False,
    limit: int,
    offset: int = 0,
    answer_bytes: int,
) -> MemoryPage:
    """One page of a bot's memories, or of those that came from a session, which may be deleted.

    It ends early, but not before its first memory, when it outgrows `answer_bytes`.
    """
    named = (bot_id is not None, session_id is not None)
    values = {
        "bot_id": bot_id,
        "session_id": session_id,
        "category": category,
        "include_superseded": include_superseded,
    }
    total = tx.run(_TOTAL[named], **values).fetchone()[0]
    rows = tx.run(_PAGE[named], limit=limit, offset=offset, **values)
    page = MemoryPage(memories=[], total=total)
    size = 0
    for row in rows:
        memory = decode(Memory, "memory", COLUMNS, row)
        size += wire_bytes(memory)
        if page.memories and size > answer_bytes:
            break
        page.memories.append(memory)
    return page


def _tell_deleted(tx: Tx, rows: list[tuple[int, str | None, str | None, str]]) -> None:
    for memory_id, session_id, working_dir, bot_id in rows:
        gone = MemoryDeleted(memory_id=memory_id)
        tx.emit("memory.deleted", gone, session_id=session_id, working_dir=working_dir, bot_id=bot_id)


def _supersede(tx: Tx, old_id: int, new: Memory, path: str) -> None:
    old = get(tx, old_id)
    if old.bot_id != new.bot_id:
        raise InvalidParams("a memory of another bot", path=f"{path}.supersedes")
    if old.superseded_by is not None:
        raise Conflict(f"memory {old_id} is superseded by {old.superseded_by}", reason="superseded")
    tx.run("UPDATE memories SET superseded_by = :new WHERE id = :old", new=new.id, old=old_id)
