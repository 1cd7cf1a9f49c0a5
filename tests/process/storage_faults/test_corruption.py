"""Pages of the file are overwritten with junk: readable rows are served, damage is reported, and nothing crashes."""

import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segue.errors import StorageError
from tests.support.counters import tried
from tests.support.process import Segued
from tests.support.wal import wait_until_wal_was_emptied
from tests.support.wire import Wire

MESSAGES = 60
PAGE = 4096
READS: dict[str, dict[str, Any]] = {
    "session.list": {},
    "session.get": {"session_id": "s"},
    "message.list": {"session_id": "s"},
    "message.count": {"session_id": "s"},
    "message.search": {"query": "common"},
    "memory.list": {},
    "summary.latest": {"session_id": "s"},
    "extraction.list": {},
    "bot.list": {},
    "context.build": {"session_id": "s"},
    "daemon.status": {},
}
"""Reads of each table and of the index."""


def fill(segued: Segued) -> dict[str, Any]:
    """Fill every table, leave free pages, and return the result of each read."""
    with segued.start().connect() as wire:
        wire.call("session.create", id="s")
        wire.call("session.create", id="gone")
        for number in range(MESSAGES):
            content = f"common word{number} " * 150
            wire.call("message.append", session_id="s", role="user", content=content)
            wire.call("message.append", session_id="gone", role="user", content=content)
        wire.call("memory.save", fact="f", category="fact", importance=3, session_id="s")
        wire.call("summary.save", session_id="s", summary="x", messages_start=1, messages_end=1, token_count=1)
        wire.call("extraction.enqueue", session_id="s")
        wire.call("session.delete", session_id="gone")
        wait_until_wal_was_emptied(wire)  # or the next daemon still purges, and caches pages
        expected = {method: wire.call(method, **params) for method, params in READS.items()}
    assert segued.stop() == 0
    return expected


def roots(database: Path) -> dict[str, int]:
    """Return the first page of each table and index, by name."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 1 ORDER BY rootpage")
        return dict(rows.fetchall())


def free_page(database: Path) -> int:
    """Return the first page of the free list."""
    found = int.from_bytes(database.read_bytes()[32:36])
    assert found, "no page is free"
    return found


def overwrite(database: Path, page: int, junk: bytes) -> None:
    with database.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(junk)


def read_all(wire: Wire, expected: dict[str, Any]) -> set[str]:
    """Return the methods that reported damage; the others return their result from the sound file, or less."""
    damaged = set()
    for method, params in READS.items():
        answer = wire.respond(method, params)
        if "error" in answer:  # the row may have been on the damaged page
            assert answer["error"]["data"].get("reason", "not_found") in ("corrupt", "not_found"), answer
            assert answer["error"]["data"]["kind"] in ("storage", "not_found"), answer
            damaged.add(method)
        elif method == "message.list":
            assert all(message in expected[method]["messages"] for message in answer["result"]["messages"])
    return damaged


WRITES: dict[str, dict[str, Any]] = {
    "message.append": {"session_id": "s", "role": "user", "content": "after"},
    "memory.save": {"fact": "g", "category": "fact", "importance": 1},
    "session.create": {"id": "after"},
    "session.delete": {"session_id": "s"},
    "session.cleanup": {},
}


def write(wire: Wire) -> None:
    """Write to each table; a refused write gets a typed error."""
    for method, params in WRITES.items():
        answer = wire.respond(method, params)
        assert "result" in answer or answer["error"]["data"]["kind"] in ("storage", "not_found"), answer


def serve_damaged(segued: Segued, name: str, expected: dict[str, Any]) -> str:
    """Start the daemon on the damaged file and return 'refused' or 'served'."""
    segued.log.clear()
    segued.launch()
    segued.wait_end_of_start()
    if not any("ready on" in line for line in segued.log):
        assert segued.wait() == 1, segued.log
        assert len(segued.log) == 1, segued.log
        assert re.search("malformed|damaged|not a SQLite database", segued.log[0]), segued.log
        return "refused"
    with segued.connect() as wire:
        damaged = read_all(wire, expected)
        check = wire.call("daemon.check", full=True)
        assert not check["ok"], f"{name}: the check found nothing, though {damaged}"
        write(wire)
        assert wire.call("daemon.ping") == "pong"
    assert segued.stop() == 0
    assert not any("Traceback" in line or "incident" in line for line in segued.log), "".join(segued.log)
    return "served"


@pytest.fixture
def damaged(segued: Segued) -> Segued:
    segued.allowed_errors.append("damaged|malformed|corrupt")
    return segued


def test_a_damaged_page_is_reported_and_the_other_tables_are_served(damaged: Segued, damaged_pages: int) -> None:
    rng = random.Random(3)
    expected = fill(damaged)
    whole = damaged.database.read_bytes()
    outcomes: dict[str, str] = {}
    tables = list(roots(damaged.database).items())
    pages = dict(rng.sample(tables, min(damaged_pages, len(tables))))
    pages |= {"the schema": 1, "a free page": free_page(damaged.database)}
    pages["among the messages"] = whole.index(b"common word30 ") // PAGE + 1
    for name, page in pages.items():
        damaged.database.write_bytes(whole)
        overwrite(damaged.database, page, rng.choice([bytes(PAGE), rng.randbytes(PAGE)]))
        outcomes[name] = serve_damaged(damaged, name, expected)
        tried("pages of the file overwritten with junk")
        for suffix in ("-wal", "-shm"):
            Path(f"{damaged.database}{suffix}").unlink(missing_ok=True)
    assert outcomes["the schema"] == "refused"
    assert list(outcomes.values()).count("served") > len(outcomes) // 2, outcomes
    damaged.database.write_bytes(whole)
    with damaged.start().connect() as wire:
        assert not read_all(wire, expected)


def test_reading_does_not_change_a_damaged_file(damaged: Segued) -> None:
    expected = fill(damaged)
    whole = damaged.database.read_bytes()
    page = roots(damaged.database)["messages"]
    overwrite(damaged.database, page, b"\xa5" * PAGE)
    with damaged.start().connect() as wire:
        assert "message.list" in read_all(wire, expected)
        assert not wire.call("daemon.check", full=True)["ok"]
    assert damaged.stop() == 0
    overwrite(damaged.database, page, whole[(page - 1) * PAGE : page * PAGE])
    with damaged.start().connect() as wire:
        assert not read_all(wire, expected)
        assert wire.call("message.list", session_id="s") == expected["message.list"]
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_page_damaged_under_a_running_daemon_is_reported_and_the_rest_served(damaged: Segued) -> None:
    expected = fill(damaged)
    whole = damaged.database.read_bytes()
    damaged.start()
    overwrite(damaged.database, roots(damaged.database)["messages"], b"\xa5" * PAGE)
    with damaged.connect() as wire:
        assert "message.list" in read_all(wire, expected)
        with pytest.raises(StorageError) as refused:
            wire.call("message.append", session_id="s", role="user", content="x")
        assert refused.value.data == {"reason": "corrupt"}
        problems = wire.call("daemon.check", full=True)["problems"]
        assert any("page" in problem or "malformed" in problem or "damaged" in problem for problem in problems)
        assert [memory["fact"] for memory in wire.call("memory.list")["memories"]] == ["f"]
    tried("pages of the file overwritten with junk")
    assert damaged.stop() == 0
    for suffix in ("-wal", "-shm"):
        Path(f"{damaged.database}{suffix}").unlink(missing_ok=True)
    damaged.database.write_bytes(whole)
