"""The store's functions on a database of the test's own, without a loop or a socket."""

import weakref
from pathlib import Path
from typing import Any

from segue.models import Draft
from segue.results import SearchPage
from segue.runtime.progress import Progress
from segue.store.engine.connection import connect_writer
from segue.store.engine.tx import Tx
from segue.store.records import append as appending
from segue.store.records import purges, sessions
from segue.store.records.listing import page as session_list
from segue.store.search import index, index_check, search
from segue.store.search.request import Filter, Request
from tests.support.clock import START_MS


class Database:
    """One open transaction, and what tests do in it."""

    def __init__(self, path: Path) -> None:
        self.connection = connect_writer(path, "normal")
        self.tx = Tx(self.connection, START_MS)
        # Python 3.13 warns of an open connection. In a cycle, __del__ could come after the end of the connection.
        weakref.finalize(self, self.connection.close)

    def session(self, id: str, **more: Any) -> str:
        return sessions.create(self.tx, **{"bot_id": "default", "id": id, "name": "plain", **more}).id

    def append(self, session: str, content: str, **more: Any) -> int:
        new = appending.prepare(Draft(**{"role": "assistant", "content": content, **more}), 2**30)
        return appending.append(self.tx, session, new).message_id

    def catch_up(self) -> int:
        """Index everything; returns the number of slices."""
        newest, slices = index.newest(self.tx), 0
        while index.is_behind(self.tx, newest):
            index.step(self.tx, newest)
            slices += 1
        return slices

    def purge(self) -> None:
        while purges.remove_slice(self.tx):
            pass

    def merge(self) -> None:
        while index.merge_is_due(self.tx):
            index.merge_step(self.tx)

    def page(self, query: str, **filter: Any) -> SearchPage:
        self.catch_up()
        return search.search(self.tx, Request(query, Filter(**filter), limit=200), 60, session_list.by_ids)

    def find(self, query: str, **filter: Any) -> set[int]:
        """Return the ids of the hits, which must be as many as the total."""
        page = self.page(query, **filter)
        assert page.total == len(page.hits)
        return {hit.message_id for hit in page.hits}

    def check(self) -> list[str]:
        """Return what the daemon's check says, after FTS5's own, which raises."""
        self.connection.execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')")
        return index_check.check(self.tx, Progress("check"))

    def holds(self, word: str) -> bool:
        """Return True if the index holds the word anywhere, in use or not."""
        found = self.connection.execute(
            "SELECT count(*) FROM message_words_data WHERE instr(block, :word)", {"word": word.encode()}
        )
        return bool(found.fetchone()[0])

    def damage(self) -> None:
        self.connection.execute("DELETE FROM message_words_data WHERE id > 100")

    def close(self) -> None:
        self.connection.close()


def emptied(database: Database) -> Database:
    """Return the same without sessions and messages."""
    for table in ("messages", "purges", "sessions"):
        database.connection.execute(f"DELETE FROM {table}")
    index.reset(database.tx)
    return database
