"""The comparison of the search index with the messages, for `daemon.check`."""

import sqlite3
from typing import get_args

from segue.models import Role
from segue.runtime.progress import Progress
from segue.store.engine.tx import Tx
from segue.store.search import index, session_entries
from segue.store.search.index_entries import tag

_EVERY_MESSAGE = " OR ".join(f'"{tag("r", role)}"' for role in get_args(Role))

_IDS = "SELECT rowid FROM message_words WHERE message_words MATCH :all"


def check(tx: Tx, progress: Progress) -> list[str]:
    """Return a sentence for each problem of the index. An index that is behind is not a problem.

    The check reads the whole index: seconds for a million messages. FTS5's own integrity check is a write and would
    block every client for that time.
    """
    try:
        progress.set("words of the search index", progress.done + 1, progress.total, progress.unit)
        problems = _count_words(tx)
        progress.set("messages of the search index", progress.done + 1, progress.total, progress.unit)
        return problems + _compare(tx)
    except sqlite3.DatabaseError as error:
        # The vocabulary table reports a broken index as plain SQLITE_CORRUPT; message_words itself reports the cause.
        if not index.is_damage(error) and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_CORRUPT:
            raise
        return ["search index: damaged"]


def _count_words(tx: Tx) -> list[str]:
    added = index.progress(tx).words
    held = tx.run("SELECT coalesce(sum(cnt), 0) FROM message_vocabulary").fetchone()[0]
    return [] if held == added else [f"search index: {added} words were added, {held} are in it"]


def _compare(tx: Tx) -> list[str]:
    upto = index.progress(tx).upto
    missing = tx.run(
        """
        SELECT count(*) FROM messages WHERE id <= :upto
          AND id NOT IN (SELECT rowid FROM message_words WHERE message_words MATCH :all)
        """,
        upto=upto,
        all=_EVERY_MESSAGE,
    ).fetchone()[0]
    surplus = tx.run(
        """
        SELECT count(*) FROM message_words
        WHERE message_words MATCH :all AND (rowid > :upto OR rowid NOT IN (SELECT id FROM messages))
        """,
        upto=upto,
        all=_EVERY_MESSAGE,
    ).fetchone()[0]
    named = {id for (id,) in tx.run("SELECT -id FROM search_names")}
    held = {id for (id,) in tx.run(_IDS, all=f'"{session_entries.MARK}"')}
    problems = [f"search index: {missing} messages are missing"] if missing else []
    problems += [f"search index: {surplus} messages in it are deleted"] if surplus else []
    return problems + ([f"search index: {len(named ^ held)} session names do not fit"] if named != held else [])
