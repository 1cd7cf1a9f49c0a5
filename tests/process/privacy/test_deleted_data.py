"""Deleted text is in no file, WAL or index once `privacy.deleted_remains` is false."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.copies import rows
from tests.support.wire import Wire

CANARY = "canary3f2a9c"


def remains(wire: Wire) -> bool:
    return bool(wire.call("daemon.status")["privacy"]["deleted_remains"])


def files_with(segued: Segued, word: str) -> list[str]:
    """Return the files that contain the word, ignoring case."""
    files = segued.database.parent.iterdir()
    return sorted(path.name for path in files if word.encode() in path.read_bytes().lower())


def delete_session(wire: Wire) -> None:
    wire.call("session.delete", session_id="s")


def delete_messages(wire: Wire) -> None:
    wire.call("message.delete_before", session_id="s", before_id=2**62)


def delete_bot(wire: Wire) -> None:
    wire.call("bot.delete", bot_id="b")


@pytest.mark.parametrize("delete", [delete_session, delete_messages, delete_bot])
@pytest.mark.parametrize("indexed", [True, False])
def test_deleted_messages_are_in_no_file(segued: Segued, delete: Callable[[Wire], None], indexed: bool) -> None:
    wire = segued.start().connect()
    wire.call("bot.create", bot_id="b")
    wire.call("session.create", id="s", bot_id="b", name="plain")
    wire.call("session.create", id="other", name="plain")
    for number in range(100):
        text = f"{CANARY} number {number} " + "filler " * 100
        wire.call("message.append", session_id="s", role="user", content=text, parts=[{"text": CANARY}])
        wire.call("message.append", session_id="other", role="user", content="kept")
    if indexed:
        assert wire.call("message.search", query=CANARY)["total"] == 100
    assert files_with(segued, CANARY)
    delete(wire)
    assert remains(wire) or not files_with(segued, CANARY)
    wait_until(lambda: not remains(wire))
    assert files_with(segued, CANARY) == []
    assert rows(segued.database, "SELECT term FROM message_vocabulary WHERE instr(term, ?)", CANARY) == []
    assert wire.call("message.search", query="kept")["total"] == 100
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_deleted_memory_is_in_no_file(segued: Segued) -> None:
    wire = segued.start().connect()
    memory = wire.call("memory.save", fact=CANARY, category="fact", importance=1)
    wire.call("memory.delete", memory_id=memory["id"])
    wait_until(lambda: not remains(wire))
    assert files_with(segued, CANARY) == []


@pytest.mark.parametrize("indexed", [True, False])
def test_deleted_data_is_removed_while_a_client_keeps_appending(segued: Segued, indexed: bool) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="s", name="plain")
    wire.call("session.create", id="other", name="plain")
    drafts = [{"role": "tool", "content": f"{CANARY} {'filler ' * 50}"}] * 500
    wire.call("message.append_many", session_id="s", messages=drafts)
    if indexed:
        assert wire.call("message.search", query=CANARY)["total"] == 500
    wire.call("session.delete", session_id="s")
    written = 0

    def append_and_look() -> bool:
        nonlocal written
        wire.call("message.append", session_id="other", role="user", content="plain")
        written += 1
        return not remains(wire)

    wait_until(append_and_look)
    wait_until(lambda: not files_with(segued, CANARY))
    assert wire.call("message.count", session_id="other") == {"count": written}


def test_a_clean_exit_leaves_no_wal(segued: Segued) -> None:
    with segued.start().connect() as wire:
        wire.call("session.create", id="s", name="plain")
        wire.call("message.append", session_id="s", role="user", content=f"{CANARY} {CANARY}")
        wire.call("session.delete", session_id="s")
    assert segued.stop() == 0
    assert not Path(f"{segued.database}-wal").exists()
    assert f"{CANARY} {CANARY}".encode() not in segued.database.read_bytes()
    wire = segued.start().connect()
    wait_until(lambda: not remains(wire))
    assert files_with(segued, CANARY) == [], "a word may have stayed in the index"


def chores_are_done(segued: Segued) -> bool:
    """Return True if neither the tables nor the index hold deleted data."""
    left = "SELECT (SELECT count(*) FROM purges) + (SELECT count(*) FROM search_progress WHERE merging <> 'no')"
    return rows(segued.database, left) == [(0,)]


def test_the_next_daemon_empties_the_wal_of_a_killed_one(segued: Segued) -> None:
    wire = segued.start().connect()
    wait_until(lambda: not remains(wire))  # Each start flushes the WAL once.
    wire.call("session.create", id="s", name="plain")
    wire.call("message.append", session_id="s", role="user", content=CANARY)
    with closing(sqlite3.connect(segued.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT id FROM messages").fetchall()  # Prevents the flush.
        delete_session(wire)
        wait_until(lambda: chores_are_done(segued))
        assert remains(wire)
        segued.kill()
        reader.execute("ROLLBACK")
        assert f"{segued.database.name}-wal" in files_with(segued, CANARY)
        again = segued.start().connect()  # Before the reader closes, because the last connection empties the WAL.
        wait_until(lambda: not remains(again))
        assert files_with(segued, CANARY) == []
