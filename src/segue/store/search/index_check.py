"""Whether the search index fits the messages."""

import sqlite3

from segue.store.engine.tx import Tx
from segue.store.search import index

_ALL = "tags : (ruser OR rassistant OR rsystem OR rtool)"


def check(tx: Tx) -> list[str]:
    """A sentence for each problem of the index; that it lags is none.

    Reads all of it: seconds for a million messages. FTS5's own integrity-check is a write and would hold up everybody.
    """
    try:
        return _count_words(tx) + _compare(tx)
    except sqlite3.DatabaseError as error:
        if not index.is_damage(error) and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_CORRUPT:
            raise  # the vocabulary says of a broken index only that something is corrupt; check says what, too
        return ["search index: damaged"]


def _count_words(tx: Tx) -> list[str]:
    kept = index.progress(tx).words
    held = tx.run("SELECT coalesce(sum(cnt), 0) FROM message_vocabulary").fetchone()[0]
    return [] if held == kept else [f"search index: {kept} words were put in, it holds {held}"]


def _compare(tx: Tx) -> list[str]:
    upto = index.progress(tx).upto
    missing = tx.run(
        """
        SELECT count(*) FROM messages WHERE id <= :upto
          AND id NOT IN (SELECT rowid FROM message_words WHERE message_words MATCH :all)
        """,
        upto=upto,
        all=_ALL,
    ).fetchone()[0]
    surplus = tx.run(
        """
        SELECT count(*) FROM message_words
        WHERE message_words MATCH :all AND (rowid > :upto OR rowid NOT IN (SELECT id FROM messages))
        """,
        upto=upto,
        all=_ALL,
    ).fetchone()[0]
    problems = [f"search index: {missing} messages are missing"] if missing else []
    return problems + ([f"search index: {surplus} messages in it are deleted"] if surplus else [])
