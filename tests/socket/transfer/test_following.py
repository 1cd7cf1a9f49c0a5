"""An importer that follows takes what tools write, however they write it, within moments."""

import json
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segue.client import Client
from segue.history import discovery, watching
from segue.history.agents.claude import ClaudeCode
from segue.history.agents.codex import Codex
from segue.history.agents.continue_cli import ContinueCli
from segue.history.chats.llm import Llm
from segue.history.following import Follower
from segue.history.importer import Importer
from segue.history.reader import Reader
from segue.timestamps import wall_ms
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire
from tests.unit.history.histories import HISTORIES


class Home:
    """A home folder with tools, and an importer that follows them."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.report: dict[str, Any] = {}
        self.reports = 0
        self.saved = 0
        self._server = server
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def follow(self, *readers: Reader) -> threading.Thread:
        """Return the thread when everything that is there was imported."""
        roots = [(reader, root) for reader in readers for root in reader.roots({}, self.folder, "linux")]

        def find() -> Iterator[discovery.Found]:
            for reader, root in roots:
                if root.exists():
                    yield discovery.Found(reader, root, list(reader.discover(root)), None)

        def run() -> None:
            with Client.connect(self._server.socket) as client:
                self.importer = Importer(client, {})
                follower = Follower(
                    self.importer,
                    lambda: [root for _, root in roots],
                    find,
                    save=self._count_saved,
                    report=self._take,
                    stop=self._stop,
                )
                follower.run()

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()
        wait_until(lambda: self.reports > 0)
        return thread

    def _take(self, report: dict[str, Any]) -> None:
        self.report = report
        self.reports += 1

    def _count_saved(self) -> None:
        self.saved += 1

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS)


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


def lines(*texts: str, first: int = 0) -> list[str]:
    """Return records of Claude Code, each with a text of a person."""
    records = [
        {
            "type": "user",
            "uuid": f"u{number}",
            "parentUuid": f"u{number - 1}" if number else None,
            "sessionId": "s",
            "cwd": "/srv/a",
            "timestamp": f"2026-11-28T03:00:{number:02d}.000Z",
            "message": {"role": "user", "content": text},
        }
        for number, text in enumerate(texts, first)
    ]
    return [json.dumps(record) + "\n" for record in records]


def claude_file(home: Home, name: str = "s") -> Path:
    file = home.folder / ".claude" / "projects" / "-srv-a" / f"{name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def texts(wire: Wire, **filter: Any) -> list[str]:
    """Return the contents of all messages of the only session, [] without one."""
    found = wire.call("session.list", archived=None, **filter)["sessions"]
    if len(found) != 1:
        return [f"{len(found)} sessions"] if found else []
    return [one["content"] for one in wire.call("message.list", session_id=found[0]["id"])["messages"]]


def expect(wire: Wire, *expected: str) -> None:
    wait_until(lambda: texts(wire) == list(expected), what=lambda: str(texts(wire)))


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
    assert home.report["claude"]["lag_ms"] < 2000


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
    begun, used = time.monotonic(), time.clock_gettime(clock)
    wait_until(lambda: time.monotonic() - begun > 2)
    assert time.clock_gettime(clock) - used < 0.01 * (time.monotonic() - begun)
