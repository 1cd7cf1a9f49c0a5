"""An importer that follows takes what tools write, however they write it, within moments."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segue.history import watching
from segue.history.agents.claude import ClaudeCode
from segue.history.agents.codex import Codex
from segue.history.agents.continue_cli import ContinueCli
from segue.history.chats.llm import Llm
from segue.timestamps import wall_ms
from tests.socket.transfer.followed_home import Home, claude_file, expect, lines, texts
from tests.support.deadline import shortest, wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire
from tests.unit.history.histories import HISTORIES


@pytest.fixture
def home(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(watching, "TICK_MS", 50)
    monkeypatch.setattr(watching, "STEP_MS", 20)
    server.clock.now = wall_ms()
    home = Home(tmp_path / "home", server)
    home.folder.mkdir()
    try:
        yield home
    finally:
        home.stop()


def test_lines_are_imported_when_they_are_whole(home: Home, wire: Wire) -> None:
    file = claude_file(home)
    home.follow(ClaudeCode())
    one, two, three = lines("one", "two", "three")
    file.write_text(one)
    expect(wire, "one")
    with file.open("a") as tool:
        tool.write(two + three[:20])
        tool.flush()
        expect(wire, "one", "two")
        tool.write(three[20:])
        tool.flush()
        expect(wire, "one", "two", "three")
    assert home.report["claude"]["errors"] == []
    assert home.report["claude"]["sessions"] == 1
    assert home.report["claude"]["lag_ms"] is not None


def test_a_session_that_grows_sends_only_what_is_new(home: Home, wire: Wire, server: Server) -> None:
    file = claude_file(home)
    file.write_text("".join(lines(*map(str, range(50)))))
    home.follow(ClaudeCode())
    wait_until(lambda: len(texts(wire)) == 50)
    [session] = wire.call("session.list")["sessions"]
    wire.call("message.update", message_id=wire.call("message.list", session_id=session["id"])["messages"][3]["id"],
              content="edited by a person")  # fmt: skip
    with file.open("a") as tool:
        tool.write(lines("more", first=50)[0])
    wait_until(lambda: texts(wire)[-1] == "more")
    assert texts(wire)[3] == "edited by a person"  # It was not sent again.


def test_a_file_that_is_rotated_or_renamed_keeps_its_session(home: Home, wire: Wire) -> None:
    shutil.copytree(HISTORIES / "codex" / ".codex", home.folder / ".codex")
    archived = home.folder / ".codex" / "archived_sessions"
    file = min((home.folder / ".codex" / "sessions").rglob("rollout-*.jsonl"))
    home.follow(Codex())
    count = wire.call("session.list", limit=1)["total"]
    thread = json.loads(file.read_text().splitlines()[0])["payload"]["id"]

    def path() -> str:
        found = wire.call("session.list", limit=1000, archived=None)["sessions"]
        return str(next(one["source"]["path"] for one in found if one["source"]["id"] == thread))

    assert path() == str(file)
    file.rename(archived / file.name)
    wait_until(lambda: path() == str(archived / file.name))
    assert wire.call("session.list", limit=1, archived=None)["total"] >= count
    assert wire.call("session.get", session_id=wire.call("session.list", archived=True)["sessions"][0]["id"])


def test_a_document_that_is_rewritten_in_place_is_read_when_it_is_whole(home: Home, wire: Wire) -> None:
    file = home.folder / ".continue" / "sessions" / "one.json"
    file.parent.mkdir(parents=True)
    home.follow(ContinueCli())

    def document(*texts: str) -> str:
        history = [{"message": {"role": "user", "content": text}} for text in texts]
        about = {"sessionId": "one", "title": "t", "workspaceDirectory": "/srv/a"}
        return json.dumps({**about, "history": history})

    file.write_text(document("one"))
    expect(wire, "one")
    with file.open("w") as tool:
        text = document("one", "two")
        tool.write(text[:30])
        tool.flush()
        wait_until(lambda: bool(home.report["continue"]["errors"]))
        assert texts(wire) == ["one"]
        tool.write(text[30:])
    expect(wire, "one", "two")
    wait_until(lambda: home.report["continue"]["errors"] == [])
    beside = file.with_suffix(".tmp")
    beside.write_text(document("one", "two", "three"))
    beside.replace(file)
    expect(wire, "one", "two", "three")


def write_response(database: Path, id: str, prompt: str) -> None:
    with closing(sqlite3.connect(database)) as program:
        program.execute("PRAGMA journal_mode = WAL")
        program.execute("CREATE TABLE IF NOT EXISTS conversations (id TEXT, name TEXT, model TEXT)")
        program.execute(
            "CREATE TABLE IF NOT EXISTS responses (id TEXT, model TEXT, prompt TEXT, system TEXT, response TEXT,"
            " conversation_id TEXT, datetime_utc TEXT, duration_ms INT, input_tokens INT, output_tokens INT)"
        )
        program.execute(
            "INSERT INTO conversations SELECT 'c', 'talk', 'm' WHERE NOT EXISTS (SELECT 1 FROM conversations)"
        )
        row = (id, "m", prompt, None, f"answer to {prompt}", "c", "2026-11-28T03:00:00+00:00", 1, 1, 1)
        program.execute(f"INSERT INTO responses VALUES ({','.join('?' * len(row))})", row)
        program.commit()


def test_a_database_is_followed_in_its_wal_and_when_it_is_replaced(home: Home, wire: Wire) -> None:
    database = home.folder / ".config" / "io.datasette.llm" / "logs.db"
    home.follow(Llm())
    database.parent.mkdir(parents=True)
    write_response(database, "01", "one")
    expect(wire, "one", "answer to one")
    with closing(sqlite3.connect(database)) as keeps_the_wal:
        keeps_the_wal.execute("SELECT count(*) FROM responses").fetchone()
        write_response(database, "02", "two")
        expect(wire, "one", "answer to one", "two", "answer to two")
    other = database.with_name("new.db")
    shutil.copyfile(database, other)
    write_response(other, "03", "three")
    other.replace(database)
    wait_until(lambda: texts(wire)[-1] == "answer to three")


def test_a_folder_that_appears_later_or_is_made_again_is_followed(home: Home, wire: Wire) -> None:
    home.follow(ClaudeCode())
    claude_file(home).write_text(lines("one")[0])
    expect(wire, "one")
    shutil.rmtree(home.folder / ".claude")
    claude_file(home).write_text("".join(lines("one", "two")))
    expect(wire, "one", "two")


def test_what_vanishes_stays_and_is_no_error(home: Home, wire: Wire) -> None:
    file, other = claude_file(home), claude_file(home, "t")
    file.write_text(lines("one")[0])
    home.follow(ClaudeCode())
    expect(wire, "one")
    file.unlink()
    other.write_text("")
    claude_file(home, "u").write_text(lines("two")[0])
    wait_until(lambda: wire.call("session.list")["total"] == 2)
    assert home.report["claude"]["errors"] == []


def test_a_session_that_a_person_deleted_stays_deleted(home: Home, wire: Wire) -> None:
    file = claude_file(home)
    file.write_text(lines("one")[0])
    home.follow(ClaudeCode())
    expect(wire, "one")
    wire.call("session.delete", session_id=wire.call("session.list")["sessions"][0]["id"])
    file.write_text("".join(lines("one", "two")))
    claude_file(home, "t").write_text(lines("other")[0])
    expect(wire, "other")


def test_changes_are_found_where_they_cannot_be_watched(
    home: Home, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Iterator[object]:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr("watchfiles.watch", refuse)
    claude_file(home).write_text(lines("one")[0])
    home.follow(ClaudeCode())
    expect(wire, "one")
    claude_file(home).write_text("".join(lines("one", "two")))
    expect(wire, "one", "two")
    wait_until(lambda: "watch limit" in str(home.report.get("claude", {}).get("errors")))


def damage_fifo(file: Path) -> None:
    os.mkfifo(file)


def damage_loop(file: Path) -> None:
    file.symlink_to(file.name)


def damage_folder(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("damage", [damage_fifo, damage_loop, damage_folder])
def test_an_odd_file_is_one_error_and_the_others_are_imported(
    home: Home, wire: Wire, damage: Callable[[Path], None]
) -> None:
    claude_file(home).write_text(lines("one")[0])
    damage(claude_file(home, "odd"))
    home.follow(ClaudeCode())
    expect(wire, "one")
    [error] = home.report["claude"]["errors"]
    assert "odd.jsonl" in error
    claude_file(home).write_text("".join(lines("one", "two")))
    expect(wire, "one", "two")


@pytest.mark.long
def test_ten_thousand_files_cost_next_to_nothing_while_nothing_happens(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    for number in range(10_000):
        claude_file(home, f"{number}").touch()
    thread = home.follow(ClaudeCode())
    wait_until(lambda: home.importer.counts.items == 10_000)
    clock = time.pthread_getcpuclockid(thread.ident or 0)

    def used() -> float:
        """Return the part of a processor that the thread uses in 2 s."""
        begun, before = time.monotonic(), time.clock_gettime(clock)
        wait_until(lambda: time.monotonic() - begun > 2)
        return (time.clock_gettime(clock) - before) / (time.monotonic() - begun)

    assert shortest(used, 0.01) < 0.01
