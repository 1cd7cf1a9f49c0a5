"""The queue of sessions whose memories are to be extracted: leased to one worker at a time, with three attempts."""

from typing import Any, NamedTuple

from msgspec import structs

from segue.errors import Conflict, InvalidData, NotFound
from segue.models import Extraction, Memory, MemoryDraft
from segue.results import ExtractionPage
from segue.store.engine.rows import decode, fill_page, iterate_valid, report_damaged
from segue.store.engine.tx import Tx
from segue.store.records import memories, sessions
from segue.timestamps import timestamp

COLUMNS = Extraction.__struct_fields__
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM extractions"

MAX_ATTEMPTS = 3
BACKOFF_MS = 60_000
"""Milliseconds from the first failed attempt to the next one."""

BACKOFF_FACTOR = 4
"""Each further wait is longer by this factor."""

EXPIRED_LEASE = "the lease ran out"

CLAIM_ROWS = 100
"""Rows: the most entries that one transaction of a claim reads. More would delay the other writes."""


class Claim(NamedTuple):
    """The entries that one transaction leased."""

    extractions: list[Extraction]
    incomplete: bool
    """True if the transaction ended before all due entries were read."""


def get(tx: Tx, extraction_id: int) -> Extraction:
    """Return the entry.

    Raises:
        NotFound: there is no such entry.
        InvalidData: the row cannot be decoded.
    """
    row = tx.run(f"{_SELECT} WHERE id = :id", id=extraction_id).fetchone()
    if row is None:
        raise NotFound("extraction", extraction_id)
    return _to_extraction(row)


def find_of_session(tx: Tx, session_id: str) -> Extraction | None:
    """Return the session's entry; a session has one at most."""
    row = tx.run(f"{_SELECT} WHERE session_id = :id", id=session_id).fetchone()
    return None if row is None else _to_extraction(row)


def restore(tx: Tx, session_id: str, bot_id: str, entry: Extraction) -> None:
    """Add an entry as it was, unless the session has one."""
    if find_of_session(tx, session_id) is not None:
        return
    values = {name: getattr(entry, name) for name in COLUMNS if name not in ("id", "session_id", "bot_id")}
    names = ("session_id", "bot_id", *values)
    sql = f"INSERT INTO extractions ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
    tx.run(sql, session_id=session_id, bot_id=bot_id, **values)


def enqueue(tx: Tx, session_id: str) -> Extraction:
    """Return the session's open entry, or add one; an exhausted entry is replaced."""
    session = sessions.scope(tx, session_id)
    tx.run("DELETE FROM extractions WHERE session_id = :id AND attempt_count >= :max", id=session_id, max=MAX_ATTEMPTS)
    row = tx.run("SELECT id FROM extractions WHERE session_id = :id", id=session_id).fetchone()
    if row is not None:
        return get(tx, row[0])
    entry_id = tx.run(
        """
        INSERT INTO extractions (session_id, bot_id, next_attempt_at, created_at)
        VALUES (:session_id, :bot_id, :at, :at)
        """,
        session_id=session_id,
        bot_id=session.bot_id,
        at=tx.at,
    ).lastrowid
    return get(tx, entry_id or 0)


def list_page(
    tx: Tx, bot_id: str | None, *, include_exhausted: bool, limit: int, offset: int, answer_bytes: int
) -> ExtractionPage:
    """Return one page of the queue, the next due first; it ends early when it exceeds `answer_bytes`."""
    conditions = ["true"] if include_exhausted else [f"attempt_count < {MAX_ATTEMPTS}"]
    if bot_id is not None:
        conditions.append("bot_id = :bot_id")
    where = f"WHERE {' AND '.join(conditions)}"
    total = tx.run(f"SELECT count(*) FROM extractions {where}", bot_id=bot_id).fetchone()[0]
    sql = f"{_SELECT} {where} ORDER BY next_attempt_at, id LIMIT :limit OFFSET :offset"
    found = iterate_valid(tx, _to_extraction, sql, bot_id=bot_id, limit=limit, offset=offset)
    return ExtractionPage(extractions=fill_page(found, answer_bytes), total=total)


def claim(tx: Tx, bot_id: str | None, limit: int, lease_seconds: int) -> Claim:
    """Lease up to `limit` due entries.

    An entry whose lease ran out loses an attempt first, and may be exhausted by that. One transaction considers at
    most CLAIM_ROWS entries, or `limit` if that is more. The caller repeats it if it leased none and is incomplete.
    """
    most = max(limit, CLAIM_ROWS)
    due = tx.run(
        f"""
        SELECT id FROM extractions
        WHERE attempt_count < {MAX_ATTEMPTS} {"AND bot_id = :bot_id" if bot_id is not None else ""}
          AND next_attempt_at <= :now AND (leased_until IS NULL OR leased_until <= :now)
        ORDER BY next_attempt_at, id LIMIT :most
        """,
        bot_id=bot_id,
        now=tx.at,
        most=most,
    ).fetchall()
    claimed: list[Extraction] = []
    exhausted = 0
    for (entry_id,) in due:
        try:
            entry = get(tx, entry_id)
        except InvalidData as damaged:
            report_damaged(damaged)
            continue
        if entry.leased_until is not None and _count_attempt(tx, entry, tx.now, EXPIRED_LEASE) >= MAX_ATTEMPTS:
            exhausted += 1
            continue
        until = timestamp(tx.now + lease_seconds * 1000)
        tx.run("UPDATE extractions SET leased_until = :until WHERE id = :id", until=until, id=entry_id)
        claimed.append(get(tx, entry_id))
        if len(claimed) == limit:
            break
    return Claim(claimed, incomplete=exhausted > 0 and len(due) == most)


def complete(tx: Tx, extraction_id: int, drafts: list[MemoryDraft]) -> list[Memory]:
    """Save the memories under the entry's bot and session, and remove the entry."""
    entry = _get_open(tx, extraction_id)
    saved = [
        memories.save(tx, entry.bot_id, entry.session_id, draft, f"$.memories[{index}]")
        for index, draft in enumerate(drafts)
    ]
    delete(tx, extraction_id)
    return [structs.replace(memories.get(tx, memory.id), duplicate=memory.duplicate) for memory in saved]


def fail(tx: Tx, extraction_id: int, error: str) -> Extraction:
    """Count the attempt and store its error; the third one exhausts the entry."""
    entry = _get_open(tx, extraction_id)
    backoff = BACKOFF_MS * BACKOFF_FACTOR**entry.attempt_count
    _count_attempt(tx, entry, tx.now + backoff, error)
    return get(tx, extraction_id)


def delete(tx: Tx, extraction_id: int) -> bool:
    """Delete the entry and return True if there was one."""
    return tx.run("DELETE FROM extractions WHERE id = :id", id=extraction_id).rowcount > 0


def _to_extraction(row: tuple[Any, ...]) -> Extraction:
    return decode(Extraction, "extraction", COLUMNS, row)


def _get_open(tx: Tx, extraction_id: int) -> Extraction:
    entry = get(tx, extraction_id)
    if entry.attempt_count >= MAX_ATTEMPTS:
        raise Conflict(f"extraction {extraction_id} is exhausted; enqueue its session again", reason="exhausted")
    return entry


def _count_attempt(tx: Tx, entry: Extraction, next_attempt: int, error: str) -> int:
    """Count one more attempt and return the new number."""
    tx.run(
        """
        UPDATE extractions
        SET attempt_count = attempt_count + 1, last_attempt_at = :at, next_attempt_at = :next,
            leased_until = NULL, error_message = :error
        WHERE id = :id
        """,
        at=tx.at,
        next=timestamp(next_attempt),
        error=error,
        id=entry.id,
    )
    return entry.attempt_count + 1
