"""Import, export, open and hand off, with the histories that other programs wrote."""

import json
import re
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.process.command_line import SEGUE, Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS
from tests.unit.history.histories import CORPORA, HISTORIES

IN_HOME = sorted(set(CORPORA) - {"geminitui", "opencodetui", "qwentui", "llmold", "crush", "aider"})
"""Folders whose files can be in one HOME."""


@pytest.fixture
def home(segued: Segued) -> Path:
    """Create a HOME with the histories of all tools."""
    home = Path(segued.environment["HOME"])
    for corpus in IN_HOME:
        shutil.copytree(HISTORIES / corpus, home, dirs_exist_ok=True)
    (home / "expected.json").unlink()
    return home


def sessions(segued: Segued, **filter: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = segued.connect().call("session.list", limit=1000, **filter)["sessions"]
    return found


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_every_tool_is_imported_and_nothing_is_written_beside_its_files(segue: Cli, segued: Segued, home: Path) -> None:
    known = [json.loads((HISTORIES / corpus / "expected.json").read_text())["sessions"] for corpus in IN_HOME]
    folders = [path for path in home.iterdir() if path.name.startswith(".") and path.name not in (".local", ".config")]
    before = [snapshot(folder) for folder in folders]
    outcome = segue.ok("import", "--json")
    assert outcome.json["problems"] == []
    assert outcome.json["sessions"] == sum(map(len, known))
    assert [snapshot(folder) for folder in folders] == before
    again = segue.ok("import", "--json").json
    assert (again["items_unchanged"], again["added"], again["updated"]) == (again["items"], 0, 0)


def test_a_list_has_the_sessions_of_each_tool_and_imports_nothing(segue: Cli, segued: Segued, home: Path) -> None:
    before = snapshot(home / ".local")
    rows = {row[0]: row[1] for row in segue.ok("import", "--list").rows if row[1] != "0"}
    assert set(rows) == {CORPORA[corpus] for corpus in IN_HOME}
    known = json.loads((HISTORIES / "opencode" / "expected.json").read_text())["sessions"]
    assert rows["opencode"] == str(len(known))
    assert (sessions(segued), snapshot(home / ".local")) == ([], before)
    (home / ".local/share/opencode/opencode.db").write_bytes(b"no database")
    listed = segue.run("import", "opencode", "--list", "--json")
    assert (listed.code, "opencode.db: not an SQLite database" in listed.err) == (1, True)
    assert [(row["tool"], row["sessions"]) for row in json.loads(listed.out)] == [("opencode", 0)]


def test_a_session_that_grew_gets_only_what_is_new(segue: Cli, segued: Segued, home: Path) -> None:
    segue.ok("import", "claude")
    file = next(home.glob(".claude/projects/*/22222222-*.jsonl"))
    *_, last = [line for line in map(json.loads, file.read_text().splitlines()) if "uuid" in line]
    record = {"type": "user", "uuid": "new", "parentUuid": last["uuid"], "message": {"content": "One more question"}}
    with file.open("a") as lines:
        lines.write(json.dumps(record | {"timestamp": "2026-11-28T05:00:00.000Z"}) + "\n")
        lines.write('{"type":"user","uuid":"half')  # The tool is still writing this line.
    counts = segue.ok("import", "claude", "--json").json
    assert (counts["added"], counts["updated"], counts["skipped"]) == (1, 0, {})


def test_a_database_that_its_program_holds_open_is_read(segue: Cli, segued: Segued, home: Path) -> None:
    with closing(sqlite3.connect(home / ".local/share/opencode/opencode.db")) as program:
        program.execute("PRAGMA journal_mode = WAL")
        program.execute("BEGIN IMMEDIATE")
        program.execute("UPDATE session SET title = 'uncommitted'")
        assert segue.ok("import", "opencode", "--json").json["problems"] == []
        program.rollback()
        program.execute("UPDATE session SET title = 'committed in the WAL' WHERE id LIKE '%AzHuCi'")
        program.commit()
        segue.ok("import", "opencode")
    names = {session["name"] for session in sessions(segued, source="opencode")}
    assert "committed in the WAL" in names
    assert "uncommitted" not in names


def test_damage_costs_itself_only(segue: Cli, segued: Segued, home: Path) -> None:
    folder = home / ".claude/projects/-home-ada-proj"
    (folder / "damaged.jsonl").write_bytes(b"\xff\xfe not json\n" + b'{"type": "unheard-of"}\n')
    (folder / "loop.jsonl").symlink_to("loop.jsonl")
    (home / ".gemini/tmp/proj/chats/session-1-x.json").write_text("[1")
    (home / ".hfs/sessions.db").write_bytes(b"SQLite format 3\0 and nothing more")
    outcome = segue.run("import", "--json")
    assert (outcome.code, outcome.json["skipped"]) == (1, {"damaged line": 1, "unknown record unheard-of": 1})
    problems = "\n".join(outcome.json["problems"])
    assert [name for name in ("loop.jsonl", "session-1-x.json", "hfs") if name not in problems] == []
    assert {session["source"]["tool"] for session in sessions(segued)} >= {"claude", "codex", "gemini"}


def test_what_vanished_stays_imported(segue: Cli, segued: Segued, home: Path) -> None:
    segue.ok("import", "claude")
    count = len(sessions(segued))
    shutil.rmtree(home / ".claude")
    segue.ok("import")
    assert len(sessions(segued, source="claude")) == count


def test_it_is_imported_again_into_another_database(segue: Cli, segued: Segued, home: Path) -> None:
    segue.ok("import", "cherry2k")
    segued.stop()
    segued.database.unlink()
    segued.start()
    assert segue.ok("import", "cherry2k", "--json").json["added"] == 7


def test_a_session_that_was_deleted_comes_back_only_when_a_person_wants_it(
    segue: Cli, segued: Segued, home: Path
) -> None:
    segue.ok("import", "cherry2k")
    first, *others = sessions(segued)
    segue.ok("delete", "--yes", first["id"])
    outcome = segue.run("import", "cherry2k", "--json")
    assert (outcome.code, outcome.json["added"]) == (0, 0)
    assert outcome.json["left_out"] == {"deleted in segue; --again imports them": 1}
    assert segue.ok("import", "cherry2k", "--json").json["items_unchanged"] == 1
    assert len(sessions(segued)) == len(others)
    segue.ok("import", "cherry2k", "--again")
    assert {one["source"]["id"] for one in sessions(segued)} == {one["source"]["id"] for one in [first, *others]}
    segue.ok("delete", "--yes", sessions(segued)[0]["id"])
    segue.ok("import", str(home / ".local/share/cherry2k/sessions.db"))
    assert len(sessions(segued)) == len(others) + 1


def test_sessions_past_their_retention_are_deleted_and_not_imported_again(
    segue: Cli, segued: Segued, home: Path
) -> None:
    segue.ok("import", "cherry2k")
    count = len(sessions(segued))
    assert segue.ok("cleanup", "--dry-run").out.startswith("0 sessions")
    segued.stop()
    segued.config.write_text("[import]\nretention_days = 0.0001\n")
    segued.config.chmod(0o600)
    segued.start()
    assert f"{count} sessions would be deleted: {count} by age" in segue.ok("cleanup", "--dry-run").out
    segue.ok("cleanup")
    again = segue.ok("import", "cherry2k", "--json").json
    assert (again["added"], again["left_out"]) == (0, {"older than import.retention_days": count})


def test_a_file_is_imported_by_its_path_whatever_tool_wrote_it(segue: Cli, segued: Segued, tmp_path: Path) -> None:
    export = [
        {
            "uuid": "c-1",
            "name": "Zebras",
            "created_at": "2026-11-01T10:00:00Z",
            "chat_messages": [
                {"uuid": "m-1", "sender": "human", "text": "Are zebras white?", "created_at": "2026-11-01T10:00:00Z"},
                {"uuid": "m-2", "sender": "assistant", "content": [{"type": "text", "text": "Black."}]},
            ],
        }
    ]
    (tmp_path / "conversations.json").write_text(json.dumps(export))
    archive = shutil.make_archive(str(tmp_path / "data"), "zip", tmp_path, "conversations.json")
    segue.ok("import", archive)
    [session] = sessions(segued)
    assert (session["name"], session["source"]["tool"], session["message_count"]) == ("Zebras", "claude-ai", 2)
    for word, help in (("cladue", "did you mean claude?"), ("zzz", "the tools are aider, ")):
        refused = segue.run("import", word)
        assert (refused.code, f"{word!r} is neither a tool nor a path; {help}" in refused.err) == (2, True)
    (tmp_path / "loop").symlink_to("loop")
    refused = segue.run("import", str(tmp_path / "loop" / "x"))
    assert (refused.code, "cannot read " in refused.err, "symbolic links" in refused.err) == (1, True, True)
    assert segue.ok("import", "codex").out.startswith("no history of codex found; name a file or folder")


def test_following_imports_what_is_written_meanwhile(segue: Cli, segued: Segued, home: Path) -> None:
    chat = home / ".cache/shell_gpt/chat_cache/live"
    wire = segued.connect()
    following = subprocess.Popen(
        [SEGUE, "import", "shell-gpt", "--follow"],
        env=segued.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: wire.call("session.list")["total"] == 3)
        chat.write_text(json.dumps([{"role": "user", "content": "Written while it follows"}]))
        wait_until(lambda: wire.call("session.list")["total"] == 4)
    finally:
        following.send_signal(signal.SIGINT)
        out, err = following.communicate(timeout=TIMEOUT_SECONDS)
    assert following.returncode == 130
    assert err == "segue: importing what is there, then what changes, until Ctrl-C\n"
    *lines, last = out.splitlines()
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d  shell-gpt: \d+ messages added", line) for line in lines)
    assert (len(lines) > 0, last.startswith("4 sessions read, ")) == (True, True)


def test_imported_sessions_are_opened_in_their_own_tool(segue: Cli, segued: Segued, home: Path) -> None:
    segue.ok("import", "claude")
    [session] = [one for one in sessions(segued) if one["name"] == "Sorting things"]
    printed = segue.run("open", "--print", session["id"])
    assert (printed.code, printed.out) == (0, f"claude --resume {session['source']['id']}\n")
    assert printed.err == "segue: the session's directory /home/ada/proj does not exist; claude runs in this one\n"
    own = segue.id()
    refused = segue.run("open", own)
    assert (refused.code, "segue resume" in refused.err) == (1, True)


def test_a_brief_is_printed_or_given_to_a_command(segue: Cli, segued: Segued) -> None:
    id = segue.id()
    segue.ok("add", "Rename the importer. Never touch the tests.")
    brief = segue.ok("handoff").out
    assert "- Never touch the tests." in brief
    assert segue.ok("handoff", id, "--to", "printf %s").out == brief


def test_an_export_writes_each_format(segue: Cli, segued: Segued, tmp_path: Path) -> None:
    first = segue.id("--name", "one")
    segue.ok("add", "hello *world*")
    assert "hello *world*" in segue.ok("export").out
    page = tmp_path / "page.html"
    segue.ok("export", "--format", "html", "--output", str(page))
    assert "<em>world</em>" in page.read_text()
    assert page.stat().st_mode & 0o777 == 0o600
    second = segue.id("--name", "two")
    lines = [json.loads(line) for line in segue.ok("export", "--all", "--format", "jsonl").out.splitlines()]
    assert {line["session"]["id"] for line in lines} == {first, second}
    segue.ok("export", "--all", "--output", str(tmp_path / "notes"))
    assert sorted(path.name for path in (tmp_path / "notes").iterdir()) == sorted([f"{first}.md", f"{second}.md"])


def test_an_export_of_a_project_has_its_sessions_only(segue: Cli, segued: Segued, tmp_path: Path) -> None:
    wire = segued.connect()
    about = [{"project": str(tmp_path), "created_at": "2026-01-30T03:00:00.000Z"}, {"project": str(tmp_path)}, {}]
    ids = [wire.call("session.create", **one)["id"] for one in about]
    store = wire.call("session.create", metadata={"segue.kind": "store"})["id"]
    link = tmp_path / "link"
    link.symlink_to(tmp_path)

    def exported(*arguments: str) -> list[str]:
        lines = segue.ok("export", "--format", "jsonl", *arguments).out.splitlines()
        return [json.loads(line)["session"]["id"] for line in lines]

    assert exported("--project", str(link)) == [ids[1], ids[0]]
    assert exported("--project", str(tmp_path), "--since", "7d") == [ids[1]]
    assert exported("--source", "") == [ids[2], ids[1], ids[0]]
    assert exported("--all") == [ids[2], ids[1], ids[0], store]
    assert "no session matches" in segue.run("export", "--project", "/").err
    assert "cannot write /proc/x: " in segue.run("export", ids[0], "--output", "/proc/x").err
    for refused in (["--all", "--project", "/"], [ids[0], "--source", "aider"]):
        assert segue.run("export", *refused).code == 2


def test_an_export_is_imported_into_an_empty_store(segue: Cli, segued: Segued, home: Path) -> None:
    segue.ok("import", "claude", "llm")
    own = segue.id("--name", "mine")
    segue.ok("add", "--session", own, "hello zebra")
    segue.ok("memory", "add", "tabs, not spaces")
    file = segued.folder / "all.jsonl"
    segue.ok("export", "--all", "--format", "jsonl", "--output", str(file))
    assert file.read_text() == segue.ok("export", "--all", "--format", "jsonl").out
    assert [path.name for path in segued.folder.glob("*all.jsonl*")] == ["all.jsonl"]
    listed = segue.ok("list", "--all", "--json").out
    segued.stop()
    segued.database.unlink()
    segued.start()
    assert segue.ok("import", "segue", str(file), "--json").json["problems"] == []
    assert segue.ok("list", "--all", "--json").out == listed
    assert "tabs, not spaces" in segue.ok("memory", "list").out
    assert segue.ok("import", str(file), "--json").json["added"] == 0
    folder = segued.folder / "folder"
    segue.ok("export", "--all", "--format", "jsonl", "--output", str(folder))
    assert segue.ok("import", str(folder), "--json").json["items"] == len(list(folder.iterdir()))
    assert "name the file of an export" in segue.run("import", "segue").err
