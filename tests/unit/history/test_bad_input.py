"""Odd files cost a clear line each: what cannot be read, what is too large, and what has another form."""

import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from segue.history import discovery, lines, states
from segue.history.agents.claude import ClaudeCode
from segue.history.agents.codex import Codex
from segue.history.agents.crush import Crush
from segue.history.chats.llm import Llm
from segue.history.importer import Importer, ItemState, Source
from segue.history.lines import read_json_lines
from segue.history.reader import open_regular, read_json
from segue.history.registry import readers
from tests.unit.history.histories import HISTORIES


class NoDaemon:
    """A client of a daemon that has no sessions."""

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        assert method == "session.list"
        return {"sessions": [], "next_cursor": None}


def problem(source: Source) -> str | None:
    importer = Importer(NoDaemon(), {})  # type: ignore[arg-type]
    return importer.run_one(source)


class Recorder(NoDaemon):
    """A daemon without sessions that stores what is imported."""

    def __init__(self) -> None:
        self.sources: list[dict[str, str]] = []

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method != "session.import":
            return super().request(method, params)
        msgspec.json.encode(params)
        self.sources.append(params["source"])
        return {"session_id": "s", "added": len(params["messages"]), "updated": 0, "unchanged": 0}


def test_a_name_that_is_no_text_is_imported_with_its_bytes_escaped(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b".claude/projects/a b\xfe")
    folder.mkdir(parents=True)
    said = {"type": "user", "uuid": "1", "message": {"content": "Feed the zebra"}}
    for name in (b"new\nline\xff.jsonl", b"\xff.jsonl"):
        (folder / os.fsdecode(name)).write_text(json.dumps(said) + "\n")
    daemon, known = Recorder(), dict[str, ItemState]()
    importer = Importer(daemon, known)  # type: ignore[arg-type]
    for item in ClaudeCode().discover(folder.parent):
        assert importer.run_one(Source(ClaudeCode(), item)) is None
    place = f"{tmp_path}/.claude/projects/a b\\xfe"
    assert daemon.sources == [
        {"tool": "claude", "id": name, "path": f"{place}/{name}.jsonl"} for name in ("new\nline\\xff", "\\xff")
    ]
    states.save(tmp_path / "states" / "import.json", tmp_path, known)
    assert states.load(tmp_path / "states" / "import.json", tmp_path) == known


def test_a_pipe_is_no_history(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for read in (open_regular, read_json, lambda path: list(read_json_lines(path, Counter()))):
        with pytest.raises(OSError, match="no regular file"):
            read(tmp_path / "pipe")
    assert problem(Source(ClaudeCode(), tmp_path / "pipe")) == "neither a file nor a folder"


def test_a_file_of_three_gigabytes_is_refused_with_its_size(tmp_path: Path) -> None:
    file = tmp_path / "huge.jsonl"
    with file.open("wb") as opened:
        opened.truncate(3 * 2**30)  # Sparse: it takes no space.
    assert problem(Source(ClaudeCode(), file)) == "it has 3221225472 bytes, more than 2147483648"
    with pytest.raises(OSError, match="more than 268435456"):
        read_json(file)


def test_a_line_over_the_limit_is_skipped_and_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(lines, "CHUNK_BYTES", 30)
    file = tmp_path / "lines.jsonl"
    longest = b'{"c": "' + b"y" * 90 + b'"}\n'
    file.write_bytes(b'{"a": 1}\n{"long": "' + b"x" * 1000 + b'"}\n{"b": 2}\n' + longest + b'{"half')
    skipped: Counter[str] = Counter()
    assert list(read_json_lines(file, skipped)) == [{"a": 1}, {"b": 2}, {"c": "y" * 90}]
    assert skipped == {"line over 64 MiB": 1}


def test_half_a_surrogate_pair_costs_its_character_only(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl").write_bytes(b'{"text": "cut \\ud83d"}\n{"text": "whole \\ud83d\\ude00"}\n')
    skipped: Counter[str] = Counter()
    found = [line["text"] for line in read_json_lines(tmp_path / "cut.jsonl", skipped)]
    assert (found, skipped) == (["cut \ufffd", "whole \U0001f600"], {})


def test_bytes_that_are_no_text_cost_themselves_only(tmp_path: Path) -> None:
    lines = (
        b'\xef\xbb\xbf{"text": "marked"}',
        b'\0\0\0{"text": "after a crash"}',
        b'{"text": "caf\xe9"}',
        b"\xff\xfe{\0",
    )
    (tmp_path / "odd.jsonl").write_bytes(b"\r\n".join(lines) + b"\n")
    skipped: Counter[str] = Counter()
    found = [line["text"] for line in read_json_lines(tmp_path / "odd.jsonl", skipped)]
    assert (found, skipped) == (["marked", "after a crash", "caf\ufffd"], {"damaged line": 1})
    (tmp_path / "odd.json").write_bytes(lines[0])
    assert read_json(tmp_path / "odd.json") == {"text": "marked"}
    (tmp_path / "odd.json").write_bytes(b'{"half')
    with pytest.raises(ValueError, match="truncated"):
        read_json(tmp_path / "odd.json")


def test_a_root_that_cannot_be_listed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may list any folder, so the system call is made to fail."""
    (tmp_path / ".claude" / "projects").mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)

    def refuse(path: object) -> Iterator[object]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    [found] = discovery.on_this_machine([ClaudeCode()])
    assert (found.items, found.problem) == ([], "Permission denied")


def test_a_root_behind_a_folder_that_cannot_be_searched_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    [found] = discovery.on_this_machine([ClaudeCode()])
    assert found.problem == "Permission denied"


def test_a_folder_below_the_root_that_cannot_be_listed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_one, closed, gone = (tmp_path / ".claude" / "projects" / name for name in ("-open", "-closed", "-gone"))
    for folder in (open_one, closed, gone):
        folder.mkdir(parents=True)
    (open_one / "s.jsonl").write_bytes(b"")
    really = os.scandir

    def refuse(path: Any, *_: int) -> Any:
        if Path(path) == gone:
            raise FileNotFoundError(2, "No such file or directory", str(path))
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return really(path)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    [found] = discovery.on_this_machine([ClaudeCode()])
    assert found == (found.reader, closed.parent, [closed, open_one / "s.jsonl"], None)
    monkeypatch.setattr(os, "open", refuse)
    assert problem(Source(ClaudeCode(), closed)) == "Permission denied"


def test_a_path_that_a_person_names_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "huge.jsonl").touch()
    os.truncate(tmp_path / "huge.jsonl", 3 * 2**30)  # Sparse: it takes no space.
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "notes.txt").write_text("no history")
    (tmp_path / "loop").symlink_to("loop")
    names = ("huge.jsonl", "pipe", "notes.txt", "loop")
    problems = [found.problem for found in discovery.below([tmp_path / name for name in names], readers().values())]
    assert problems == [
        "it has 3221225472 bytes, more than 2147483648",
        "no regular file",
        "no tool's history was found there",
        "Too many levels of symbolic links",
    ]


def test_the_first_session_of_a_folder_may_be_empty(tmp_path: Path) -> None:
    for corpus in ("claude", "codex"):
        copied = tmp_path / corpus
        shutil.copytree(HISTORIES / corpus, copied)
        [root, *_] = readers()[corpus].roots({}, copied, "linux")
        (root / "-a").mkdir()
        (root / "-a" / "rollout-a.jsonl").write_bytes(b"")
        [found] = discovery.below([root], readers().values())
        assert (found.reader.name, len(found.items) > 1) == (corpus, True)


def test_a_rollout_that_codex_compressed_is_one_line_unless_it_is_there_in_plain_form(tmp_path: Path) -> None:
    for name in ("rollout-a.jsonl.zst", "rollout-b.jsonl.zst", "rollout-b.jsonl"):
        (tmp_path / name).touch()
    plain, compressed = Codex().discover(tmp_path)
    assert (plain.name, compressed.name) == ("rollout-b.jsonl", "rollout-a.jsonl.zst")
    assert "unzstd" in str(problem(Source(Codex(), compressed)))


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    project = tmp_path / ".codex" / "sessions" / "2026"
    project.mkdir(parents=True)
    (project / "again").symlink_to(project)
    (project / "rollout-self.jsonl").symlink_to("rollout-self.jsonl")
    [item] = Codex().discover(tmp_path / ".codex" / "sessions")
    assert problem(Source(Codex(), item)) == "Too many levels of symbolic links"
    assert discovery.Found(Codex(), project, [item], None).size() == 0


def test_what_vanished_between_list_and_read_is_one_line(tmp_path: Path) -> None:
    assert problem(Source(ClaudeCode(), tmp_path / "gone.jsonl")) == "No such file or directory"


@pytest.mark.parametrize("tool", [Llm(), Crush()])
def test_a_database_of_an_unknown_form_is_one_line(tmp_path: Path, tool: Any) -> None:
    database = tmp_path / "logs.db"
    with closing(sqlite3.connect(database)) as file:
        file.execute("CREATE TABLE sessions_v9 (id TEXT)")
        file.execute("CREATE TABLE messages_v9 (id TEXT)")
    assert "form" in str(problem(Source(tool, database)))
    database.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    assert problem(Source(tool, database)) is not None


def test_a_home_folder_of_another_machine_and_the_folders_in_it_are_found(tmp_path: Path) -> None:
    home = tmp_path / "some one"
    for corpus in ("claude", "codex", "crush", "opencode"):
        shutil.copytree(HISTORIES / corpus, home, dirs_exist_ok=True)

    def found_at(place: str) -> dict[str, int]:
        found = list(discovery.below([home / place], readers().values()))
        assert [one.problem for one in found] == [None] * len(found)
        return dict(sorted((one.reader.name, len(one.items)) for one in found if one.items))

    whole = found_at("")
    assert (list(whole), whole["opencode"]) == (["claude", "codex", "crush", "opencode"], 1)
    assert found_at(".claude") == {"claude": whole["claude"]}
    assert found_at(".claude/projects") == {"claude": whole["claude"]}
    assert 0 < found_at(".claude/projects/-home-ada-proj")["claude"] < whole["claude"]
    assert found_at(".codex") == {"codex": found_at(".codex/sessions/2026")["codex"] + 1}
    assert found_at(".local/share/opencode") == {"opencode": 1}
