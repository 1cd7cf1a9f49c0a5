"""The queue of sessions whose memories are to be extracted: leased to one worker at a time, tried three times."""

from segue.errors import Conflict, NotFound
from segue.models import Extraction, Memory, MemoryDraft
from segue.store.engine.rows import decode
from segue.store.engine.tx import Tx
from segue.store.records import memories, sessions
from segue.timestamps import timestamp

COLUMNS = (
    "id", "session_id", "bot_id", "attempt_count", "last_attempt_at", "next_attempt_at", "leased_until",
    "error_message", "created_at",
)  # fmt: skip

MAX_ATTEMPTS = 3
BACKOFF_MS = 60_000
BACKOFF_FACTOR = 4
"""The first retry after a minute, each further one four times as late."""

LEASE_RAN_OUT = "the lease ran out"

_SELECT = """
    SELECT id, session_id, bot_id, attempt_count, last_attempt_at, next_attempt_at, leased_until,
           error_message, created_at
    FROM extractions
"""


def get(tx: Tx, extraction_id: int) -> Extraction:
    """The entry; NotFound if there is none."""
    row = tx.run(f"{_SELECT} WHERE id = :id", id=extraction_id).fetchone()
    if row is None:
        raise NotFound("extraction", extraction_id)
    return decode(Extraction, "extraction", COLUMNS, row)


def enqueue(tx: Tx, session_id: str) -> Extraction:
    """The session's open entry, or a new one; one that is exhausted is replaced."""
    session = sessions.get(tx, session_id)
    tx.run("DELETE FROM extractions WHERE session_id = :id AND attempt_count >= :max", id=session_id, max=MAX_ATTEMPTS)
    row = tx.run(f"{_SELECT} WHERE session_id = :id", id=session_id).fetchone()
    if row is not None:
        return decode(Extraction, "extraction", COLUMNS, row)
    made = tx.run(
        """
        INSERT INTO extractions (session_id, bot_id, next_attempt_at, created_at)
        VALUES (:session_id, :bot_id, :at, :at)
        """,
        session_id=session_id,
        bot_id=session.bot_id,
        at=tx.at,
    ).lastrowid
    return get(tx, made or 0)


def list_all(tx: Tx, bot_id: str | None, *, include_exhausted: bool) -> list[Extraction]:
    """The queue, the next due first."""
    rows = tx.run(
        f"""
        {_SELECT} WHERE (:bot_id IS NULL OR bot_id = :bot_id) AND (:include_exhausted OR attempt_count < :max)
        ORDER BY next_attempt_at, id
        """,
        bot_id=bot_id,
        include_exhausted=include_exhausted,
        max=MAX_ATTEMPTS,
    )
    return [decode(Extraction, "extraction", COLUMNS, row) for row in rows]


def claim(tx: Tx, bot_id: str | None, limit: int, lease_seconds: int) -> list[Extraction]:
    """Lease up to `limit` entries that are due; a lease that ran out has cost its entry an attempt."""
    due = tx.run(
        f"""
        {_SELECT} WHERE (:bot_id IS NULL OR bot_id = :bot_id) AND attempt_count < :max
          AND next_attempt_at <= :now AND (leased_until IS NULL OR leased_until <= :now)
        ORDER BY next_attempt_at, id
        """,
        bot_id=bot_id,
        max=MAX_ATTEMPTS,
        now=tx.at,
    )
    claimed: list[Extraction] = []
    for row in due.fetchall():
        entry = decode(Extraction, "extraction", COLUMNS, row)
        if entry.leased_until is not None and _count_attempt(tx, entry, tx.now, LEASE_RAN_OUT) >= MAX_ATTEMPTS:
            continue
        until = timestamp(tx.now + lease_seconds * 1000)
        tx.run("UPDATE extractions SET leased_until = :until WHERE id = :id", until=until, id=entry.id)
        claimed.append(get(tx, entry.id))
        if len(claimed) == limit:
            break
    return claimed


def complete(tx: Tx, extraction_id: int, drafts: list[MemoryDraft]) -> list[Memory]:
    """Save the memories under the entry's bot and session and take it off the queue, both or neither."""
    entry = _open(tx, extraction_id)
    saved = [
        memories.save(tx, entry.bot_id, entry.session_id, draft, f"$.memories[{index}]")
        for index, draft in enumerate(drafts)
    ]
    delete(tx, extraction_id)
    return [memories.get(tx, memory.id) for memory in saved]


def fail(tx: Tx, extraction_id: int, error: str) -> Extraction:
    """Count the attempt and keep its error; the third exhausts the entry."""
    entry = _open(tx, extraction_id)
    backoff = BACKOFF_MS * BACKOFF_FACTOR**entry.attempt_count
    _count_attempt(tx, entry, tx.now + backoff, error)
    return get(tx, extraction_id)


def delete(tx: Tx, extraction_id: int) -> bool:
    """Whether there was such an entry."""
    return tx.run("DELETE FROM extractions WHERE id = :id", id=extraction_id).rowcount > 0


def _open(tx: Tx, extraction_id: int) -> Extraction:
    entry = get(tx, extraction_id)
    if entry.attempt_count >= MAX_ATTEMPTS:
        raise Conflict(f"extraction {extraction_id} is exhausted; enqueue its session again", reason="exhausted")
    return entry


def _count_attempt(tx: Tx, entry: Extraction, next_attempt: int, error: str) -> int:
    """One more attempt is over; returns how many there were."""
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
