"""Odd sessions cost themselves only: refused ones, copies in other files, and those without times."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segue.client import Client
from segue.history.chats.shell_gpt import ShellGpt
from segue.history.foreign_database import DatabaseReader, Rows
from segue.history.importer import Importer, Options, Source
from segue.history.importing.sending import BATCH_MESSAGES
from segue.history.reader import Reading, from_ms
from segue.history.records import HistoryMessage, HistorySession, ToolCall
from segue.timestamps import wall_ms
from tests.socket.transfer.notes_machine import AT, LATER, Machine, Notes, contents, nested, said, session
from tests.support.inprocess import Server
from tests.support.wire import Wire


@pytest.fixture
def machine(server: Server) -> Machine:
    server.clock.now = wall_ms()
    return Machine(server)


def test_a_message_that_the_daemon_refuses_costs_itself_only(machine: Machine, wire: Wire, tmp_path: Path) -> None:
    notes, deep = Notes(), [ToolCall(id="1", name="x", arguments=nested(300), result="fine")]
    several = [said(str(number), key=str(number)) for number in range(100)]
    several[50] = HistoryMessage(key="50", role="assistant", text="deep", at=AT, tool_calls=deep)
    file = notes.write(tmp_path / "a", session(*several), session(said("other"), id="t"))
    counts = machine.run(notes, file)
    assert (counts.problems, counts.added) == ([], 101)
    [(reason, count)] = counts.skipped.items()
    assert ("nested deeper than 200" in reason, count) == (True, 1)
    found = sorted(contents(wire), key=len)
    assert found == [["other"], [*map(str, range(50)), "", *map(str, range(51, 100))]]
    assert machine.run(notes, file).items_unchanged == 1


def test_a_session_that_the_daemon_refuses_is_one_line_each_time(machine: Machine, wire: Wire, tmp_path: Path) -> None:
    notes = Notes()
    bad = session(said("one"), id="bad", metadata={"deep": nested(300)})
    file = notes.write(tmp_path / "a", bad, session(said("two"), id="good", directory="/nul\0" + "x" * 5000))
    for added in (1, 0):
        counts = machine.run(notes, file)
        [problem] = counts.problems
        assert problem.startswith(f"{file}: session bad: ")
        assert counts.added == added
    assert contents(wire) == [["two"]]


def test_texts_of_any_size_are_imported(machine: Machine, wire: Wire, tmp_path: Path) -> None:
    notes = Notes()
    call = ToolCall(id="1", name="write", arguments={"text": "a" * 9_000_000}, result="r" * 9_000_000)
    large = HistoryMessage(key="1", role="assistant", text="t" * 9_000_000, at=AT, tool_calls=[call])
    file = notes.write(tmp_path / "a", session(large, said("after", key="2")))
    counts = machine.run(notes, file)
    assert (counts.problems, counts.skipped, counts.added) == ([], {}, 3)
    [[text, _, last]] = contents(wire)
    assert (text[:3], text[-20:], last) == ("ttt", "[cut 8000000 characters]"[-20:], "after")


def test_a_copy_in_another_file_changes_nothing_and_a_newer_one_adds_to_it(
    machine: Machine, wire: Wire, tmp_path: Path
) -> None:
    notes = Notes()
    first = notes.write(tmp_path / "a", session(said("one"), said("two", key="2")))
    copy = notes.write(tmp_path / "b", session(said("one, older")))
    counts = machine.run(notes, first, copy)
    assert (counts.added, dict(counts.left_out)) == (2, {"that another file has too, as new or newer": 1})
    assert machine.run(notes, first, copy).items_unchanged == 2
    notes.write(copy, session(said("one"), said("three", key="3", at=LATER)))
    assert machine.run(notes, first, copy).added == 1
    again = [machine.run(notes, first, copy) for _ in range(2)]
    assert [(counts.added, counts.updated) for counts in again] == [(0, 0)] * 2
    assert again[1].items_unchanged == 2
    assert contents(wire) == [["one", "two", "three"]]
    [source] = [one["source"]["path"] for one in wire.call("session.list")["sessions"]]
    assert source == str(copy)


def test_a_file_that_was_moved_is_no_copy(machine: Machine, wire: Wire, tmp_path: Path) -> None:
    notes = Notes()
    old = notes.write(tmp_path / "old", session(said("one")))
    machine.run(notes, old)
    new = notes.write(tmp_path / "new", session(said("one"), archived=True))
    old.unlink()
    assert (counts := machine.run(notes, new)).unchanged == 1, vars(counts)
    [found] = wire.call("session.list", archived=True)["sessions"]
    assert found["source"]["path"] == str(new)


def test_documents_that_a_tool_left_beside_its_database_are_not_imported_over_it(
    machine: Machine, wire: Wire, tmp_path: Path
) -> None:
    notes = Notes()
    names = [f"ses_{number}" for number in range(3)]
    database = notes.write(tmp_path / "db", *(session(said("new"), id=name, title="new") for name in names))
    documents = [notes.write(tmp_path / name, session(said("old"), id=name, title="old")) for name in names]
    alone = notes.write(tmp_path / "ses_9", session(said("only here"), id="ses_9"))
    counts = machine.run(notes, database, *documents, alone)
    assert (counts.added, counts.updated, sum(counts.left_out.values())) == (4, 0, 3)
    assert sorted(contents(wire)) == [["new"], ["new"], ["new"], ["only here"]]


def test_a_database_is_read_one_session_at_a_time_and_a_fault_in_it_costs_what_follows(
    machine: Machine, wire: Wire, tmp_path: Path
) -> None:
    class Store(DatabaseReader):
        name = "store"

        def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
            return []

        def sessions(self, rows: Rows, item: Path, skipped: Counter[str]) -> Iterator[HistorySession]:
            for number in range(3):
                assert wire.call("session.list")["total"] == number
                skipped["odd row"] += 1
                yield session(said("one"), id=str(number))
            rows.count(["SELECT count(*) FROM gone"])

    with closing(sqlite3.connect(tmp_path / "store.db")) as program:
        program.execute("CREATE TABLE sessions (id)")
    counts = machine.run(Store(), tmp_path / "store.db")
    [problem] = counts.problems
    assert (counts.added, counts.skipped, "not of a known form" in problem) == (3, {"odd row": 3}, True)
    assert machine.states == {}


def test_two_tools_may_use_one_id(machine: Machine, wire: Wire, tmp_path: Path) -> None:
    for name in ("notes", "other"):
        tool = Notes(name)
        machine.run(tool, tool.write(tmp_path / name, session(said(name))))
    assert contents(wire, source="notes") == [["notes"]]
    assert contents(wire, source="other") == [["other"]]


def test_a_time_in_the_future_changes_nothing_when_the_session_is_sent_again(
    machine: Machine, wire: Wire, tmp_path: Path
) -> None:
    notes = Notes()
    far = [said("one"), said("two", key="2", at="2099-01-01T00:00:00.000Z")]
    file = notes.write(tmp_path / "a", session(*far))
    machine.run(notes, file)
    notes.write(file, session(*far, said("three", key="3")))
    machine.server.clock.pass_time(5000)
    counts = machine.run(notes, file)
    assert (counts.added, counts.updated, counts.unchanged) == (1, 0, 2)
    [found] = wire.call("session.list")["sessions"]
    assert found["last_message_at"] == AT


def test_a_chat_without_times_has_that_of_its_file(machine: Machine, wire: Wire, tmp_path: Path) -> None:
    chat = tmp_path / "chat_cache" / "talk"
    chat.parent.mkdir()
    chat.write_text('[{"role": "user", "content": "one"}]')
    os.utime(chat, ns=(0, 1_780_000_000_123_000_000))
    machine.run(ShellGpt(), chat)
    [found] = wire.call("session.list")["sessions"]
    begun = from_ms(1_780_000_000_123)
    assert (found["created_at"], found["last_message_at"]) == (begun, begun)
    chat.write_text('[{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]')
    counts = machine.run(ShellGpt(), chat)
    assert (counts.added, counts.updated, counts.unchanged) == (1, 0, 1)
    [found] = wire.call("session.list")["sessions"]
    assert found["created_at"] == begun < found["last_message_at"]


def test_a_dry_run_counts_and_stores_nothing(machine: Machine, wire: Wire, tmp_path: Path) -> None:
    notes = Notes()
    file = notes.write(tmp_path / "a", session(said("one")), session(said("two"), id="t"))
    copy = notes.write(tmp_path / "b", session(said("one")))
    counts = machine.run(notes, file, copy, options=Options(dry_run=True))
    assert (counts.sessions, counts.messages, counts.added, sum(counts.left_out.values())) == (2, 2, 0, 1)
    assert (contents(wire), machine.states) == ([], {})
    assert machine.run(notes, file).added == 2


def test_only_sessions_with_a_later_message_are_imported_and_the_others_may_follow(
    machine: Machine, wire: Wire, tmp_path: Path
) -> None:
    notes = Notes()
    old, new = session(said("old")), session(said("before"), said("new", key="2", at=LATER), id="t")
    file = notes.write(tmp_path / "a", old, new)
    machine.run(notes, file, options=Options(since=LATER))
    assert contents(wire) == [["before", "new"]]
    assert machine.run(notes, file).added == 1
    assert contents(wire) == [["before", "new"], ["old"]]


def test_an_import_that_was_interrupted_anywhere_is_completed_by_the_next_one(
    machine: Machine, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = Notes()
    texts = [str(number) for number in range(3 * BATCH_MESSAGES)]
    long = session(*(said(text, key=text) for text in texts))
    files = [notes.write(tmp_path / "a", long), notes.write(tmp_path / "b", session(said("last"), id="t"))]
    request, left = Client.request, 0

    def interrupted(client: Client, method: str, params: Any) -> Any:
        nonlocal left
        if method == "session.import" and (left := left - 1) < 0:
            raise KeyboardInterrupt
        return request(client, method, params)

    monkeypatch.setattr(Client, "request", interrupted)
    for left in (0, 1, 2, 3):  # noqa: B007 - the function above counts it down
        with pytest.raises(KeyboardInterrupt):
            machine.run(notes, *files)
    left = 10
    counts = machine.run(notes, *files)
    assert (counts.items_unchanged, counts.added) == (1, 1)
    assert sorted(contents(wire), key=len) == [["last"], texts]


def test_a_file_that_cannot_be_imported_counts_as_unchanged_until_it_changes(machine: Machine, tmp_path: Path) -> None:
    notes = Notes()
    source = Source(notes, notes.write(tmp_path / "a", session(said("one"), metadata={"deep": nested(300)})))
    with Client.connect(machine.server.socket) as client:
        importer = Importer(client, machine.states)
        assert not importer.is_unchanged(source)
        assert importer.run_one(source) is not None
        assert importer.is_unchanged(source)
        importer.retry_failed()
        assert not importer.is_unchanged(source)
        assert importer.run_one(source) is not None
        notes.write(source.path, session(said("one")), session(said("two"), id="t"))
        assert not importer.is_unchanged(source)
        assert importer.run_one(source) is None
        assert importer.is_unchanged(source)


def test_a_file_that_is_replaced_while_it_is_read_is_read_again_and_one_that_vanished_is_one_line(
    machine: Machine, wire: Wire, tmp_path: Path
) -> None:
    class Slow(Notes):
        after = (session(said("one"), said("two", key="2")),)

        def read(self, item: Path, cursor: object = None) -> Reading:
            reading = super().read(item, cursor)
            self.write(item.with_suffix(".new"), *self.after).replace(item)
            self.sessions[item] = list(self.after)
            return reading

    slow = Slow()
    file = slow.write(tmp_path / "a", session(said("one")))
    assert machine.run(slow, file).added == 1
    assert machine.run(slow, file).added == 1
    assert contents(wire) == [["one", "two"]]
    file.unlink()
    assert machine.run(slow, file).problems == [f"{file}: No such file or directory"]
    assert contents(wire) == [["one", "two"]]
