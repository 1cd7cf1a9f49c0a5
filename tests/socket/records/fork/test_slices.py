"""A fork that is copied in slices: invisible until it is whole, and without what is deleted in between."""

import sqlite3
from typing import Any

import pytest

from segue.errors import NotFound
from segue.store.engine.tx import Tx
from segue.store.records import forks
from segue.store.records import messages as records
from tests.socket.records.fork.calls import append, fork, messages
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_an_unfinished_copy_is_invisible_and_then_removed(
    server: Server, wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        append(wire, session, f"needle {number}")
    seen: list[Any] = []

    def fail(*_: Any) -> Any:
        raise NotFound("session", "original")

    def look(tx: Tx, *arguments: Any) -> Any:
        seen.append(tx.run("SELECT count(*) FROM messages").fetchone()[0])
        return copy_slice(tx, *arguments)

    copy_slice = forks.copy_slice
    monkeypatch.setattr(forks, "SHORT_MESSAGES", -1)
    monkeypatch.setattr(forks, "copy_slice", look)
    monkeypatch.setattr(forks, "reveal_copy", fail)
    with pytest.raises(NotFound):
        fork(wire, session)
    assert seen[-1] >= 20
    assert len(wire.call("message.list")["messages"]) == 20
    assert wire.call("session.list")["total"] == 1
    wait_until(lambda: not wire.call("daemon.status")["privacy"]["deleted_remains"])
    with sqlite3.connect(server.database) as file:
        assert file.execute("SELECT count(*) FROM messages").fetchone() == (20,)
    file.close()
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert wire.call("message.search", query="needle")["total"] == 20


def test_a_message_deleted_during_the_copy_is_not_in_the_fork(
    server: Server, wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [append(wire, session, f"message {number}") for number in range(6)]
    attempts: list[int] = []

    def delete_once(tx: Tx, *arguments: Any) -> Any:
        copied = copy_slice(tx, *arguments)
        if not attempts:
            delete_before(tx, session, ids[3])
        attempts.append(len(copied.originals))
        return copied

    copy_slice, delete_before = forks.copy_slice, records.delete_before
    monkeypatch.setattr(forks, "SHORT_MESSAGES", -1)
    monkeypatch.setattr(forks, "SLICE_MESSAGES", 2)
    monkeypatch.setattr(forks, "copy_slice", delete_once)
    copy = fork(wire, session)
    assert [message["content"] for message in messages(wire, copy["id"])] == ["message 3", "message 4", "message 5"]
    assert copy["message_count"] == 3
    assert len(attempts) > 3
    wait_until(lambda: not wire.call("daemon.status")["privacy"]["deleted_remains"])
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
