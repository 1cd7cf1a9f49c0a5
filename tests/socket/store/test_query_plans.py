"""No read method scans a table that grows, other than those that are named here with the reason."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from segue.store.engine.connection import connect_reader
from segue.store.engine.tx import Tx
from segue.timestamps import timestamp
from tests.support.clock import START_MS
from tests.support.inprocess import Server

SESSIONS = 1500
"""More than a list sorts."""

PLACE = {"working_dir": "/work/7"}
OLD = timestamp(START_MS - 1000)
LIST = "session.list"
SEARCH = "message.search"

READS: list[tuple[str, dict[str, Any]]] = [
    ("session.get", {"session_id": "s7"}),
    ("session.resolve", {**PLACE, "create": False}),
    ("session.resolve", {**PLACE, "create": False, "terminal": "t"}),
    ("session.resolve", {**PLACE, "create": False, "project": "/p/7", "scope": "project"}),
    ("session.prompt", {**PLACE, "shell": "zsh"}),
    ("session.complete", {"prefix": "s7", "shell": "zsh"}),
    *((LIST, {"order_by": order}) for order in ("last_message_at", "created_at", "updated_at")),
    *((LIST, {"order_by": order, "archived": None}) for order in ("last_message_at", "created_at", "updated_at")),
    *((LIST, {**PLACE, "order_by": order}) for order in ("last_message_at", "created_at", "updated_at")),
    (LIST, {"bot_id": "default"}),
    (LIST, {"project": "/p/7"}),
    (LIST, {"parent_id": "s7"}),
    (LIST, {"pinned": True}),
    (LIST, {"pinned": False}),
    (LIST, {"archived": True}),
    (LIST, {"source": "tool"}),
    (LIST, {"source": ""}),
    (LIST, {"id_prefix": "s7"}),
    (LIST, {"metadata": {"segue.kind": "store"}}),
    ("session.export", {"session_id": "s7"}),
    ("message.list", {"limit": 10}),
    ("message.list", {"limit": 10, "order": "desc"}),
    ("message.list", {"limit": 10, "since": OLD}),
    ("message.list", {"session_id": "s7"}),
    ("message.list", {"session_id": "s7", "since": OLD, "order": "desc"}),
    ("message.list", {"session_id": "s7", "roles": ["user"]}),
    ("message.list", {"session_id": "s7", "around_id": 8}),
    ("message.list", {"session_id": "s7", "keys": ["k"]}),
    ("message.list", {"keys": ["k"]}),
    ("message.get", {"message_id": 8}),
    ("message.count", {"session_id": "s7"}),
    (SEARCH, {"query": "zebra"}),
    (SEARCH, {"query": "zebra", "order": "newest"}),
    (SEARCH, {"query": "zebra", "since": OLD}),
    (SEARCH, {"query": "zebra", **PLACE}),
    (SEARCH, {"query": "zebra", "match": "any"}),
    (SEARCH, {"query": "nothing"}),
    ("summary.latest", {"session_id": "s7"}),
    ("context.build", {"session_id": "s7"}),
    ("memory.list", {}),
    ("memory.list", {"category": "fact"}),
    ("memory.list", {"session_id": "s7"}),
    ("memory.get", {"memory_id": 1}),
    ("extraction.list", {}),
    ("bot.get", {"bot_id": "default"}),
    ("bot.list", {}),
]

SMALL_TABLES = {
    "bots", "message_recounts", "purges", "search_changes", "search_deletions", "search_progress", "sync_account",
    "sync_elsewhere", "sync_machines",
}  # fmt: skip
"""Tables with few rows, or with rows only while a job is behind."""

SUBSETS = {
    "sessions_archived", "sessions_by_source", "sessions_by_unicode_name", "sessions_of_stores", "sessions_pinned",
}  # fmt: skip
"""Indexes of few sessions."""

IN_ORDER = {"sessions_by_creation", "sessions_by_last_message", "sessions_updated_later"}
"""Indexes that are read from one end until the page is full."""

REASONS = {
    ("message.list", "SCAN messages"): "read from one end until the page is full",
    ("session.list", "SCAN sessions USING COVERING INDEX"): "the number of all sessions is counted, page by page",
    ("message.search", "SCAN search_times"): "a row for 1024 messages",
    ("extraction.list", "SCAN extractions USING"): "open work is counted, and read until the page is full",
    ("memory.list", "SCAN memories"): "nearly all memories may belong to the bot, and they are counted",
    ("context.build", "SCAN memories"): "likewise",
    ("session.complete", "SCAN sessions"): "names are searched for any part, in the index of names",
}


@pytest.fixture(params=[False, True], ids=["without statistics", "with the statistics of SQLite"])
def plans(request: pytest.FixtureRequest, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator["Plans"]:
    server.stop()
    with closing(sqlite3.connect(server.database, isolation_level=None)) as connection:
        fill(connection)
        if request.param:
            connection.execute("ANALYZE")
    server.start()
    with closing(connect_reader(server.database)) as connection:
        connection.create_function("has_members", 2, lambda *_: True, deterministic=True)
        found = Plans(server, connection)
        run = Tx.run

        def record(tx: Tx, sql: str, **values: Any) -> sqlite3.Cursor:
            found.statements[sql] = values
            return run(tx, sql, **values)

        monkeypatch.setattr(Tx, "run", record)
        yield found


class Plans:
    """The statements of a request, and what SQLite does for them."""

    def __init__(self, server: Server, connection: sqlite3.Connection) -> None:
        self.statements: dict[str, Any] = {}
        self._wire = server.connect()
        self._connection = connection
        self._wire.call(SEARCH, query="zebra")  # Indexes the messages.

    def of(self, method: str, params: dict[str, Any]) -> set[str]:
        """Return the steps of the request's reads."""
        self.statements.clear()
        self._wire.call(method, **params)
        reads = [one for one in self.statements.items() if one[0].lstrip().upper().startswith(("SELECT", "WITH"))]
        return {
            row[3] for sql, values in reads for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        }


def fill(connection: sqlite3.Connection) -> None:
    """Store sessions of a message each."""
    at = timestamp(START_MS - 100_000)
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO sessions (id, bot_id, working_dir, project, name, activity, created_at, updated_at,"
        " last_message_at, message_count, source_tool, source_id)"
        " VALUES (:id, 'default', '/work/' || (:n / 10), '/p/' || (:n / 10), 'name ' || :n, :n + 1, :at, :at, :at, 1,"
        " iif(:n % 9, NULL, 'tool'), iif(:n % 9, NULL, :id))",
        [{"id": f"s{number}", "n": number, "at": at} for number in range(SESSIONS)],
    )
    connection.executemany(
        "INSERT INTO messages (session_id, role, created_at, content) VALUES (?, 'user', ?, 'zebra')",
        [(f"s{number}", at) for number in range(SESSIONS)],
    )
    connection.execute(
        "INSERT INTO memories (bot_id, session_id, category, importance, created_at, fact)"
        " SELECT 'default', id, 'fact', 3, created_at, name FROM sessions"
    )
    connection.execute("COMMIT")


def is_bounded(method: str, step: str) -> bool:
    """Return True if the step reads no table that grows, or a reason is named."""
    if step.startswith("SCAN "):
        table, _, rest = step.removeprefix("SCAN ").partition(" ")
        index = rest.rpartition(" ")[2]
        return (
            table in SMALL_TABLES
            or index in SUBSETS | IN_ORDER
            or any(method == name and step.startswith(begin) for name, begin in REASONS)
            or table.startswith(("(subquery", "CONSTANT", "json_each", "page"))
            or rest.startswith("VIRTUAL TABLE INDEX")
        )
    return "AUTOMATIC" not in step


def test_no_read_scans_a_table_that_grows(plans: Plans) -> None:
    unbounded = [
        (method, params, step)
        for method, params in READS
        for step in sorted(plans.of(method, params))
        if not is_bounded(method, step)
    ]
    assert not unbounded, "\n".join(map(str, unbounded))
