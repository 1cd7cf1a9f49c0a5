"""The search index, brought up to date after the appends, in slices that hold up nobody.

At every commit this holds: the messages up to `search_progress.upto` are in the index and no others, each as
the row of `search_sessions` says that covers it. FTS5 keeps no text here, so a message is taken out by naming the
words it was put in with, and one that was never put in must not be taken out: both corrupt the index silently.
Deletes leave marks in FTS5's segments, which hold the old words until a merge of all segments drops both.
"""

import logging
import sqlite3
from collections.abc import Callable
from functools import wraps
from itertools import groupby
from typing import Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

from segue.errors import StorageError
from segue.store.engine.tx import Tx
from segue.store.search import tokenizer
from segue.store.search.index_entries import Row, Setting, add, remove, slice_after, slice_of_session

log = logging.getLogger("segue.search")

P = ParamSpec("P")
T = TypeVar("T")

MERGE_PAGES = 16
"""Pages (4 KiB) that a slice may merge, about 2 ms: eight times what it adds, so that merging keeps up."""

BLOCK_BITS = 10
"""1024 messages have one row of `search_times`."""

# What FTS5 itself writes for a new table, for when it cannot open its own any more: its format 4 is that of all
# versions since 3.9, and the first ten bytes of a structure say that there are no segments.
_EMPTY = (
    "DELETE FROM message_words_data",
    "DELETE FROM message_words_idx",
    "INSERT INTO message_words_data (id, block) VALUES (1, x''), (10, x'00000000000000')",
    """
    INSERT OR REPLACE INTO message_words_config (k, v)
    VALUES ('version', 4), ('automerge', 0), ('crisismerge', 1000), ('usermerge', 8)
    """,
)
_PIECES = "SELECT from_id, bot_id, working_dir, name FROM search_sessions WHERE session_id = :id ORDER BY from_id"


class IndexDamaged(StorageError):
    """The index, and only the index, cannot be read: it is to be made anew."""


class _LostSetting(sqlite3.DatabaseError):
    """The tables beside the index do not fit it."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT_VTAB


class Progress(NamedTuple):
    """The one row of `search_progress`."""

    upto: int
    words: int
    version: str
    merging: Literal["no", "due", "begun"]


def progress(tx: Tx) -> Progress:
    """How far the index is."""
    return Progress(*tx.run("SELECT upto, words, version, merging FROM search_progress").fetchone())


def newest(tx: Tx) -> int:
    """The id of the newest message, 0 if there is none."""
    return int(tx.run("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0])


def is_behind(tx: Tx, target: int) -> bool:
    """Whether the index misses a message up to `target`, or a change of a session."""
    now = progress(tx)
    if now.version != tokenizer.VERSION or now.upto < min(target, newest(tx)):
        return True
    return tx.run("SELECT 1 FROM search_changes").fetchone() is not None


def merge_is_due(tx: Tx) -> bool:
    """Whether deleted words are still in the index and no more are about to be deleted."""
    return progress(tx).merging != "no" and tx.run("SELECT 1 FROM purges").fetchone() is None


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error says that the index's own tables are broken, as far as SQLite tells it from other damage."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT_VTAB:
        return True
    return any(
        words in str(error) for words in ("vtable constructor failed", "no such fts5 table", "invalid fts5 file")
    )


def rebuild_if_damaged(function: Callable[Concatenate[Tx, P], T]) -> Callable[Concatenate[Tx, P], T]:
    """The same function, which empties a damaged index, to be filled again, and runs once more."""

    @wraps(function)
    def healed(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if progress(tx).version != tokenizer.VERSION:
            reset(tx)
        try:
            return function(tx, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        log.warning("the search index is damaged; making it anew")
        reset(tx)
        return function(tx, *args, **kwargs)

    return healed


def reset(tx: Tx) -> None:
    """Empty the index; everything is to be put in again."""
    try:
        tx.run("INSERT INTO message_words (message_words) VALUES ('delete-all')")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        for statement in _EMPTY:
            tx.run(statement)
    for table in ("search_sessions", "search_changes", "search_times"):
        tx.run(f"DELETE FROM {table}")
    start_over = "UPDATE search_progress SET upto = 0, words = 0, version = :version, merging = 'no'"
    tx.run(start_over, version=tokenizer.VERSION)


@rebuild_if_damaged
def step(tx: Tx, target: int) -> None:
    """Put the next slice in: of a session that changed, else of the messages up to `target`."""
    changed = tx.run("SELECT session_id FROM search_changes LIMIT 1").fetchone()
    if changed is not None:
        _renew_slice(tx, changed[0])
    else:
        _add_slice(tx, target)
    tx.run("INSERT INTO message_words (message_words, rank) VALUES ('merge', :pages)", pages=MERGE_PAGES)


@rebuild_if_damaged
def merge_step(tx: Tx) -> None:
    """One step of the merge of all segments that leaves nothing of deleted words."""
    begun = progress(tx).merging == "begun"
    before = tx.connection.total_changes
    pages = MERGE_PAGES if begun else -MERGE_PAGES
    tx.run("INSERT INTO message_words (message_words, rank) VALUES ('merge', :pages)", pages=pages)
    if not begun:
        tx.run("UPDATE search_progress SET merging = 'begun'")
    elif tx.connection.total_changes - before < 2:  # FTS5's documented sign that there was nothing to merge
        tx.run("UPDATE search_progress SET merging = 'no'")


@rebuild_if_damaged
def take_out(tx: Tx, rows: list[Row]) -> None:
    """Before messages are deleted: take those out that are in."""
    upto = progress(tx).upto
    inside = [row for row in rows if row.id <= upto]
    removed = sum(remove(tx, row, _setting_of(tx, row)) for row in inside)
    if inside:
        tx.run("UPDATE search_progress SET words = words - :removed, merging = 'due'", removed=removed)


@rebuild_if_damaged
def replace(tx: Tx, old: Row, new: Row) -> None:
    """Before a message's text is changed: take out what it was and put in what it will be, if it is in."""
    if old.id <= progress(tx).upto:
        setting = _setting_of(tx, old)
        difference = -remove(tx, old, setting) + add(tx, new, setting)
        tx.run("UPDATE search_progress SET words = words + :difference", difference=difference)
        schedule_merge(tx)


def schedule_merge(tx: Tx) -> None:
    """Have everything merged, so that nothing remains of the words that were taken out."""
    tx.run("UPDATE search_progress SET merging = 'due'")


def has_deleted_terms(tx: Tx) -> bool:
    """Whether something deleted may still stand in the tables or in the index."""
    return progress(tx).merging != "no" or tx.run("SELECT 1 FROM purges").fetchone() is not None


def forget(tx: Tx, session_id: str) -> None:
    """After the last message of a deleted session was deleted."""
    tx.run(
        "DELETE FROM search_sessions WHERE session_id = :id AND NOT EXISTS (SELECT 1 FROM sessions WHERE id = :id)",
        id=session_id,
    )


def _add_slice(tx: Tx, target: int) -> None:
    upto = progress(tx).upto
    rows = slice_after(tx, upto, target)
    known: dict[str, Setting] = {}
    added = 0
    for row in rows:
        if row.session_id not in known:
            known[row.session_id] = _begin(tx, row)
        added += add(tx, row, known[row.session_id])
    tx.run(
        "UPDATE search_progress SET upto = max(upto, :upto), words = words + :added",
        upto=rows[-1].id if rows else target,
        added=added,
    )
    _note_times(tx, rows)


def _begin(tx: Tx, row: Row) -> Setting:
    """The setting of a session's new messages; noted, if it is not that of the ones before."""
    before = [Setting(*setting) for _, *setting in tx.run(_PIECES, id=row.session_id)]
    # A deleted session's messages are put in like others, so that all up to the mark can be taken out alike.
    now = _setting_now(tx, row.session_id) or (before[-1] if before else Setting(None, None, None))
    if before[-1:] != [now]:
        _note_setting(tx, row.session_id, row.id, now)
    return now


def _renew_slice(tx: Tx, session_id: str) -> None:
    """Bring messages of a changed session up to date, from the first that are not."""
    now = _setting_now(tx, session_id)
    pieces = [(from_id, Setting(*setting)) for from_id, *setting in tx.run(_PIECES, id=session_id)]
    stale = next((index for index, (_, setting) in enumerate(pieces) if setting != now), None)
    if now is None or stale is None:
        if now is not None:
            tx.run(
                "DELETE FROM search_sessions WHERE session_id = :id AND from_id > :first",
                id=session_id,
                first=pieces[0][0] if pieces else 0,
            )
        tx.run("DELETE FROM search_changes WHERE session_id = :id", id=session_id)
        return
    from_id, old = pieces[stale]
    end = pieces[stale + 1][0] if stale + 1 < len(pieces) else progress(tx).upto + 1
    rows = slice_of_session(tx, session_id, from_id, end)
    # Taken out before it is put in again: FTS5 keeps the last of the two.
    difference = sum(-remove(tx, row, old) + add(tx, row, now) for row in rows)
    tx.run("UPDATE search_progress SET words = words + :difference", difference=difference)
    _note_setting(tx, session_id, from_id, now)
    if rows and rows[-1].id + 1 < end:
        _note_setting(tx, session_id, rows[-1].id + 1, old)


def _setting_now(tx: Tx, session_id: str) -> Setting | None:
    row = tx.run("SELECT bot_id, working_dir, name FROM sessions WHERE id = :id", id=session_id).fetchone()
    return Setting(*row) if row else None


def _setting_of(tx: Tx, row: Row) -> Setting:
    found = tx.run(
        """
        SELECT bot_id, working_dir, name FROM search_sessions
        WHERE session_id = :session_id AND from_id <= :id ORDER BY from_id DESC LIMIT 1
        """,
        session_id=row.session_id,
        id=row.id,
    ).fetchone()
    if found is None:
        raise _LostSetting("nothing says as what the message is in the index")
    return Setting(*found)


def _note_setting(tx: Tx, session_id: str, from_id: int, setting: Setting) -> None:
    tx.run(
        """
        INSERT OR REPLACE INTO search_sessions (session_id, from_id, bot_id, working_dir, name)
        VALUES (:session_id, :from_id, :bot_id, :working_dir, :name)
        """,
        session_id=session_id,
        from_id=from_id,
        **setting._asdict(),
    )


def _note_times(tx: Tx, rows: list[Row]) -> None:
    for block, members in groupby(rows, key=lambda row: row.id >> BLOCK_BITS):
        times = [row.created_at for row in members]
        tx.run(
            """
            INSERT INTO search_times (block, first_at, last_at) VALUES (:block, :first, :last)
            ON CONFLICT (block) DO UPDATE
            SET first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)
            """,
            block=block,
            first=min(times),
            last=max(times),
        )
