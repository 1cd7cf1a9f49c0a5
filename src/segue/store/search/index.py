"""Progress, slices and merges of the full-text index `message_words`.

Plan. These invariants hold at every commit:

1. The index holds exactly the messages with an id up to `search_progress.upto`. Appends do not touch the index. The
   indexer and every search advance `upto` in slices (`step`), each slice in a write transaction of its own.
2. The FTS5 table is contentless. A message is removed by repeating the exact text that it was indexed with, and only
   if it is in the index. FTS5 does not detect a violation; the index is then silently corrupt.
3. Text that is not in the message itself can change: the session's name, directory and bot. `search_sessions` records
   the values that each message was indexed with (see `index_sessions`). Each session has an entry too, for its name
   and its summary (see `session_entries`). Triggers list the sessions that changed in `search_changes`.
4. A message is removed from the index before its row is deleted or changed (`remove_rows`, `replace`).
5. A removal adds a delete marker, and the old terms stay in their segment. A merge of all segments drops both.
   `search_progress.merging` is 'due' from the removal to the first merge step, then 'begun' to the last.
6. `search_progress.version` names the tokenizer. If it differs or the tables are damaged, the index is emptied and
   filled again from the messages.
"""

import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, Literal, NamedTuple, ParamSpec, TypeVar

from segue.errors import StorageError
from segue.store.engine.tx import Tx
from segue.store.search import blocks, index_sessions, session_entries
from segue.store.search.index_entries import (
    SLICE_MESSAGES,
    IndexRow,
    SessionAttributes,
    add,
    add_all,
    new_slice,
    remove,
)
from segue.store.search.text import tokenizer

log = logging.getLogger("segue.search")

P = ParamSpec("P")
T = TypeVar("T")

MERGE_PAGES = 16
"""Pages (4 KiB): the work of one step of the merge that removes deleted terms, about 2 ms."""

NEW_MERGE_PAGES = 60
"""Pages: the merge work of a step of the index. Four times what a slice adds, so that merging keeps up: a message is
merged four times before there are a million."""

TEXT_SECONDS = 0.003
"""Seconds of CPU: the time for the texts of one step, so that a slow machine takes smaller ones.

To write and merge them takes about as long again."""

BACKLOG_MESSAGES = 30_000
"""Messages: if more are to be indexed, the indexer makes no pause for the writers. A search takes a second to index
this number, if it comes before the writers pause."""

# The rows that FTS5 writes for a new table. They replace a table that FTS5 cannot open. Format 4 is valid for all
# versions since 3.9, and the ten bytes are a structure record without segments.
_EMPTY = (
    "DELETE FROM message_words_data",
    "DELETE FROM message_words_idx",
    "INSERT INTO message_words_data (id, block) VALUES (1, x''), (10, x'00000000000000')",
    """
    INSERT OR REPLACE INTO message_words_config (k, v)
    VALUES ('version', 4), ('automerge', 0), ('crisismerge', 1000), ('usermerge', 8)
    """,
)


class IndexDamaged(StorageError):
    """The index cannot be read. The messages are intact, so the index can be rebuilt."""


class Progress(NamedTuple):
    """The single row of `search_progress`."""

    upto: int
    words: int
    version: str
    merging: Literal["no", "due", "begun"]


def progress(tx: Tx) -> Progress:
    """Return the state of the index."""
    return Progress(*tx.run("SELECT upto, words, version, merging FROM search_progress").fetchone())


def newest(tx: Tx) -> int:
    """Return the id of the newest message, or 0 if there is none."""
    return int(tx.run("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0])


def is_behind(tx: Tx, target: int) -> bool:
    """Return True if the index lacks a message up to `target` or a change of a session."""
    now = progress(tx)
    if now.version != tokenizer.VERSION or now.upto < min(target, newest(tx)):
        return True
    return tx.run("SELECT 1 FROM search_changes").fetchone() is not None


def merge_is_due(tx: Tx) -> bool:
    """Return True if the index holds deleted terms and no removal is about to add more."""
    return progress(tx).merging != "no" and not removals_are_due(tx)


def has_deleted_terms(tx: Tx) -> bool:
    """Return True if deleted text may still be in the tables or in the index."""
    return progress(tx).merging != "no" or removals_are_due(tx)


def removals_are_due(tx: Tx, copying: str | None = None) -> bool:
    """Return True if the index may hold deleted messages or the names of deleted sessions.

    `copying` is the id of a fork that is being copied. Its messages are hidden, but not deleted.
    """
    sql = "SELECT 1 FROM purges WHERE session_id IS NOT :copying UNION ALL SELECT 1 FROM search_deletions"
    return tx.run(sql, copying=copying).fetchone() is not None


def is_damage(error: sqlite3.Error) -> bool:
    """Return True if the error means that the index's own tables are broken, as far as SQLite reports it."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CORRUPT_VTAB:
        return True
    return any(
        words in str(error) for words in ("vtable constructor failed", "no such fts5 table", "invalid fts5 file")
    )


def rebuild_if_damaged(function: Callable[Concatenate[Tx, P], T]) -> Callable[Concatenate[Tx, P], T]:
    """Wrap `function`: if the index is damaged or of another version, empty it and run the function on it."""

    @wraps(function)
    def run(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if progress(tx).version != tokenizer.VERSION:
            reset(tx)
        try:
            return function(tx, *args, **kwargs)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        log.warning("search index damaged: rebuilding it")
        reset(tx)
        return function(tx, *args, **kwargs)

    return run


def reset(tx: Tx) -> None:
    """Empty the index. The indexer and the next search fill it again."""
    try:
        tx.run("INSERT INTO message_words (message_words) VALUES ('delete-all')")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        for statement in _EMPTY:
            tx.run(statement)
    for table in ("search_sessions", "search_names", "search_times"):
        tx.run(f"DELETE FROM {table}")
    tx.run("INSERT OR IGNORE INTO search_changes (session_id) SELECT id FROM sessions")
    start_over = "UPDATE search_progress SET upto = 0, words = 0, version = :version, merging = 'no'"
    tx.run(start_over, version=tokenizer.VERSION)
    _note_change(tx)


@rebuild_if_damaged
def step(tx: Tx, target: int, share: float = 1.0) -> int:
    """Index the next slice: changed sessions, then messages of one of them or new messages up to `target`.

    SHARE is the part of a whole slice of new messages that is to be indexed. Return about how many messages up to
    `target` are left.
    """
    changed = tx.run("SELECT session_id FROM search_changes LIMIT :limit", limit=SLICE_MESSAGES).fetchall()
    pages = NEW_MERGE_PAGES
    if not any(_renew_slice(tx, session_id) for (session_id,) in changed):
        pages = round(NEW_MERGE_PAGES * _add_slice(tx, target, share))
    tx.run("INSERT INTO message_words (message_words, rank) VALUES ('merge', :pages)", pages=max(pages, MERGE_PAGES))
    return target - progress(tx).upto


@rebuild_if_damaged
def merge_step(tx: Tx) -> None:
    """Run one step of the merge of all segments that removes the deleted terms."""
    begun = progress(tx).merging == "begun"
    before = tx.connection.total_changes
    pages = MERGE_PAGES if begun else -MERGE_PAGES
    tx.run("INSERT INTO message_words (message_words, rank) VALUES ('merge', :pages)", pages=pages)
    if not begun:
        tx.run("UPDATE search_progress SET merging = 'begun'")
    elif tx.connection.total_changes - before < 2:  # FTS5 documents this as the sign that nothing was left to merge
        tx.run("UPDATE search_progress SET merging = 'no'")


@rebuild_if_damaged
def remove_rows(tx: Tx, rows: list[IndexRow]) -> None:
    """Remove the messages that are in the index. Call this before their rows are deleted."""
    upto = progress(tx).upto
    indexed = [row for row in rows if row.id <= upto]
    if indexed:
        _count_words(tx, -sum(remove(tx, row, index_sessions.attributes_at(tx, row)) for row in indexed))
        _note_change(tx)
        schedule_merge(tx)


@rebuild_if_damaged
def remove_deleted_sessions(tx: Tx) -> bool:
    """Remove a slice of the names of deleted sessions; return False if there is none."""
    deleted = tx.run("SELECT session_id FROM search_deletions LIMIT :limit", limit=SLICE_MESSAGES).fetchall()
    for (session_id,) in deleted:
        _count_words(tx, session_entries.refresh(tx, session_id))
        tx.run("DELETE FROM search_deletions WHERE session_id = :id", id=session_id)
    if deleted:
        schedule_merge(tx)
    return bool(deleted)


@rebuild_if_damaged
def replace(tx: Tx, old: IndexRow, new: IndexRow) -> None:
    """Replace an indexed message's text. Call this before its row is changed."""
    if old.id <= progress(tx).upto:
        attributes = index_sessions.attributes_at(tx, old)
        # Removed before it is added, because FTS5 keeps the last of two entries for one rowid.
        removed, added = remove(tx, old, attributes), add(tx, new, attributes)
        _count_words(tx, added.words - removed)
        _note_change(tx)
        blocks.record(tx, [blocks.Entry(new.id, new.created_at, added.length)])
        if old.content or old.parts:  # A message that ends streaming had no text in the index.
            schedule_merge(tx)


def schedule_merge(tx: Tx) -> None:
    """Request a merge of all segments, which removes every deleted term from the file."""
    tx.run("UPDATE search_progress SET merging = 'due'")


def _renew_slice(tx: Tx, session_id: str) -> bool:
    """Bring a changed session's entry up to date and a slice of its messages; return False if there is no slice."""
    words = session_entries.refresh(tx, session_id)
    difference = index_sessions.renew_slice(tx, session_id, progress(tx).upto)
    _count_words(tx, words + (difference or 0))
    if difference is None:
        return False
    _note_change(tx)
    return True


def _count_words(tx: Tx, difference: int) -> None:
    tx.run("UPDATE search_progress SET words = words + :difference", difference=difference)


def _note_change(tx: Tx) -> None:
    """Count a change of messages in the index, after which no count of matches is remembered."""
    tx.run("UPDATE search_progress SET changes = changes + 1")


def _with_attributes(tx: Tx, rows: list[IndexRow]) -> Iterator[tuple[IndexRow, SessionAttributes]]:
    """Yield each row with its session's attributes, which are recorded in that moment."""
    attributes: dict[str, SessionAttributes] = {}
    for row in rows:
        if row.session_id not in attributes:
            attributes[row.session_id] = index_sessions.extend(tx, row)
        yield row, attributes[row.session_id]


def _add_slice(tx: Tx, target: int, share: float) -> float:
    """Add a share of a slice of new messages, or the first part of it, and return the part of the whole slice.

    The entries are written in one go, because FTS5 writes a segment before most other statements of the transaction.
    """
    rows = new_slice(tx, progress(tx).upto, target)
    first = rows[: math.ceil(len(rows) * share)]
    added = add_all(tx, _with_attributes(tx, first), time.thread_time() + TEXT_SECONDS * share)
    done = len(added) / len(rows) if rows else 1.0
    rows = rows[: len(added)]
    words, upto = sum([one.words for one in added]), rows[-1].id if rows else target
    tx.run("UPDATE search_progress SET words = words + :words, upto = max(upto, :upto)", words=words, upto=upto)
    blocks.record(tx, [blocks.Entry(row.id, row.created_at, one.length) for row, one in zip(rows, added, strict=True)])
    return done
