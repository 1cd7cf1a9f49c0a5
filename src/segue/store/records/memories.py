"""Save, supersede, list and delete memories."""

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from segue.errors import Conflict, InvalidParams, NotFound
from segue.events import MemoryDeleted
from segue.models import Memory, MemoryDraft
from segue.results import MemoryPage
from segue.store.engine.rows import decode, fill_page, iterate_valid
from segue.store.engine.tx import Tx
from segue.store.records import bots, messages, sessions
from segue.store.search.text.text_match import TextMatch

COLUMNS = tuple(name for name in Memory.__struct_fields__ if name != "duplicate")
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM memories"

# A list names a bot, a session, or both; an index serves each condition.
_SCOPES = {
    (True, False): "bot_id = :bot_id",
    (False, True): "session_id = :session_id",
    (True, True): "bot_id = :bot_id AND session_id = :session_id",
}

_MATCHES = """
    AND (:category IS NULL OR category = :category)
    AND (:include_superseded OR superseded_by IS NULL)
"""


def get(tx: Tx, memory_id: int) -> Memory:
    """Return the memory.

    Raises:
        NotFound: there is no such memory.
        InvalidData: the row cannot be decoded.
    """
    row = tx.run(f"{_SELECT} WHERE id = :id", id=memory_id).fetchone()
    if row is None:
        raise NotFound("memory", memory_id)
    return _to_memory(row)


def save(tx: Tx, bot_id: str, session_id: str | None, draft: MemoryDraft, path: str = "$") -> Memory:
    """Save a memory; the one that it supersedes points to it from then on.

    A fact that is current in the same bot is not saved twice: its row is returned, with the higher importance.

    Raises:
        NotFound: the bot, session, source message or superseded memory does not exist.
        InvalidParams: the message is of another session, or the superseded memory of another bot.
        Conflict: the memory is already superseded (`superseded`).
    """
    bots.require(tx, bot_id)
    if session_id is not None:
        sessions.require(tx, session_id)
    if draft.source_message_id is not None:
        messages.require(tx, draft.source_message_id, session_id, f"{path}.source_message_id")
    if duplicate := _find_current(tx, bot_id, draft.fact):
        return _save_duplicate(tx, duplicate, draft, path)
    if draft.supersedes is not None:  # Before the INSERT, whose id may be the one that the caller named.
        _check_supersedes(tx, draft.supersedes, bot_id, path)
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
        _supersede(tx, draft.supersedes, memory.id)
    emit_saved(tx, [memory.id])
    if draft.supersedes is not None:
        emit_saved(tx, [draft.supersedes])
    return memory


def delete(tx: Tx, memory_id: int) -> bool:
    """Delete the memory and return True if there was one.

    What it superseded is then superseded by its successor, or current again.
    """
    predecessors = [row[0] for row in tx.run("SELECT id FROM memories WHERE superseded_by = :id", id=memory_id)]
    tx.run(
        """
        UPDATE memories SET superseded_by = (SELECT superseded_by FROM memories WHERE id = :id)
        WHERE superseded_by = :id
        """,
        id=memory_id,
    )
    row = tx.run(
        """
        SELECT m.session_id, s.working_dir, m.bot_id
        FROM memories AS m LEFT JOIN sessions AS s ON s.id = m.session_id WHERE m.id = :id
        """,
        id=memory_id,
    ).fetchone()
    if row is None:
        return False
    tx.run("DELETE FROM memories WHERE id = :id", id=memory_id)
    session_id, working_dir, bot_id = row
    event = MemoryDeleted(memory_id=memory_id)
    tx.emit("memory.deleted", event, session_id=session_id, working_dir=working_dir, bot_id=bot_id)
    emit_saved(tx, predecessors)
    return True


def complete(tx: Tx, text: str, limit: int) -> list[tuple[int, str]]:
    """Return id and fact of the current memories whose id begins with the text, else of those whose fact contains it.

    The newest comes first.
    """
    for condition in ("substr(CAST(id AS TEXT), 1, length(:text)) = :text", "instr(casefold(fact), :folded) > 0"):
        rows = tx.run(
            f"""
            SELECT id, fact FROM memories WHERE superseded_by IS NULL AND typeof(fact) = 'text' AND {condition}
            ORDER BY id DESC LIMIT :limit
            """,
            text=text,
            folded=text.casefold(),
            limit=limit,
        ).fetchall()
        if rows:
            return [(id, fact) for id, fact in rows]
    return []


def of_session(tx: Tx, session_id: str, after_id: int) -> Iterator[Memory]:
    """Yield the session's memories with a larger id, oldest first, without the ones that cannot be decoded."""
    rest = "WHERE session_id = :session_id AND id > :after_id ORDER BY id"
    return _iterate(tx, rest, session_id=session_id, after_id=after_id)


def list_page(
    tx: Tx,
    *,
    bot_id: str | None,
    session_id: str | None,
    category: str | None = None,
    include_superseded: bool = False,
    words: str | None = None,
    limit: int,
    offset: int = 0,
    answer_bytes: int,
) -> MemoryPage:
    """Return one page of a bot's memories, or of a session's, by importance and then newest first.

    With `words`, return only those that contain all of them, best match first. The session may be deleted.
    The page ends early, after its first memory, when it exceeds `answer_bytes`.
    """
    where = f"WHERE {_SCOPES[bot_id is not None, session_id is not None]} {_MATCHES}"
    values = {
        "bot_id": bot_id,
        "session_id": session_id,
        "category": category,
        "include_superseded": include_superseded,
    }
    ordered = f"{where} ORDER BY importance DESC, id DESC"
    if words is None:
        total = tx.run(f"SELECT count(*) FROM memories {where}", **values).fetchone()[0]
        found = _iterate(tx, f"{ordered} LIMIT :limit OFFSET :offset", limit=limit, offset=offset, **values)
    else:
        ranked = _rank(_iterate(tx, ordered, **values), words)
        total = len(ranked)
        found = iter(ranked[offset : offset + limit])
    return MemoryPage(memories=fill_page(found, answer_bytes), total=total)


def _rank(memories: Iterator[Memory], query: str) -> list[Memory]:
    """Return the memories that match the query, best match first."""
    match = TextMatch(query)
    scored = [(score, memory) for memory in memories if (score := match.score(memory.fact)) is not None]
    return [memory for _, memory in sorted(scored, key=lambda entry: -entry[0])]


def _to_memory(row: tuple[Any, ...]) -> Memory:
    return decode(Memory, "memory", COLUMNS, row)


def _iterate(tx: Tx, rest: str, **values: str | int | None) -> Iterator[Memory]:
    found = iterate_valid(tx, _to_memory, f"{_SELECT} {rest}", **values)
    return (memory for memory in found if memory is not None)


def emit_saved(tx: Tx, memory_ids: list[int]) -> None:
    """Emit an event for each memory that was saved, or whose successor changed."""
    for memory_id in memory_ids:
        for memory in _iterate(tx, "WHERE id = :id", id=memory_id):
            row = tx.run("SELECT working_dir FROM sessions WHERE id = :id", id=memory.session_id).fetchone()
            working_dir = row[0] if row else None
            tx.emit("memory.saved", memory, session_id=memory.session_id, working_dir=working_dir, bot_id=memory.bot_id)


def _find_current(tx: Tx, bot_id: str, fact: str) -> int | None:
    """Return the id of the bot's current memory of the same fact; the index holds the first 64 characters."""
    row = tx.run(
        """
        SELECT id FROM memories
        WHERE bot_id = :bot_id AND substr(fact, 1, 64) = substr(:fact, 1, 64) AND superseded_by IS NULL
          AND CAST(fact AS BLOB) = CAST(:fact AS BLOB)
        ORDER BY id LIMIT 1
        """,
        bot_id=bot_id,
        fact=fact,
    ).fetchone()
    return None if row is None else int(row[0])


def _save_duplicate(tx: Tx, memory_id: int, draft: MemoryDraft, path: str) -> Memory:
    memory = get(tx, memory_id)
    if draft.importance > memory.importance:
        tx.run("UPDATE memories SET importance = :importance WHERE id = :id", id=memory_id, importance=draft.importance)
        emit_saved(tx, [memory_id])
    if draft.supersedes not in (None, memory_id):
        _check_supersedes(tx, draft.supersedes, memory.bot_id, path)
        _supersede(tx, draft.supersedes, memory_id)
        emit_saved(tx, [draft.supersedes])
    return structs.replace(get(tx, memory_id), duplicate=True)


def _check_supersedes(tx: Tx, old_id: int, bot_id: str, path: str) -> None:
    old = get(tx, old_id)
    if old.bot_id != bot_id:
        raise InvalidParams(f"memory {old_id} belongs to bot {old.bot_id!r}", path=f"{path}.supersedes")
    if old.superseded_by is not None:
        raise Conflict(f"memory {old_id} is superseded by {old.superseded_by}", reason="superseded")


def _supersede(tx: Tx, old_id: int, new_id: int) -> None:
    tx.run("UPDATE memories SET superseded_by = :new WHERE id = :old", new=new_id, old=old_id)
