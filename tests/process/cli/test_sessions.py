from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Create another directory to work in."""
    directory = tmp_path / "other"
    directory.mkdir()
    return directory


def test_a_new_session_belongs_to_the_directory_which_continues_it(segue: Cli, segued: Segued) -> None:
    id = segue.id("--name", "n", "--provider", "p", "--model", "m", "--system", "s", "--pinned")
    made = segued.connect().call("session.get", session_id=id)
    assert made | {"name": "n", "provider": "p", "model": "m", "system_prompt": "s", "pinned": True} == made
    assert made["working_dir"] == str(segue.directory)
    assert segue.ok("current").rows[0][0] == id


def test_a_pipe_gets_whole_values_separated_by_tabs_and_the_current_one_marked(segue: Cli) -> None:
    name = "a long name " * 10
    first = segue.id("--provider", "p", "--model", "m", "--name", name)
    second = segue.id()
    segue.ok("add", "hello", "--session", first)
    listed = {session["id"]: session for session in segue.ok("list", "--json").json["sessions"]}
    directory = str(segue.directory)

    def times(id: str) -> list[str]:
        return [listed[id]["created_at"], listed[id]["last_message_at"]]

    assert segue.ok("list").rows == [
        [first, name, "p/m", directory, "1", *times(first), "*"],
        [second, "", "", directory, "0", *times(second), ""],
    ]


def test_a_list_shows_as_many_as_asked_for_of_those_asked_for(segue: Cli, segued: Segued, other: Path) -> None:
    wire = segued.connect()
    for number in range(1205):
        wire.call("session.create", id=f"s{number:04}", working_dir="/elsewhere")
    there = segue.at(other).id("--name", "Übung 50%")
    assert [len(segue.ok("list", *wanted).rows) for wanted in ([], ["-n", "3"], ["-n", "1100"], ["--all"])] == [
        20,
        3,
        1100,
        1206,
    ]
    pages = segue.ok("list", "--all", "--json").out.splitlines()
    assert len(pages) == 2
    assert [row[0] for row in segue.at(other).ok("list", "--here").rows] == [there]
    assert segue.ok("list", "--here").rows == []
    assert [row[0] for row in segue.ok("list", "--name", "übung 50%").rows] == [there]
    assert segue.ok("list", "--status", "crashed").rows == []
    assert segue.ok("list", "--bot", "nobody").rows == []


def test_json_is_the_result_of_the_daemon_unchanged(segue: Cli, segued: Segued) -> None:
    id = segue.id()
    segue.ok("add", "hello\x7f\u009b")
    wire = segued.connect()
    assert segue.ok("list", "--json").json == wire.call("session.list")
    assert segue.ok("show", id, "--json").json == wire.call("message.list", session_id=id)
    assert segue.ok("show", id, "--json").out.count("\x7f\u009b") == 1
    resolved = wire.call("session.resolve", working_dir=str(segue.directory), create=False)
    assert segue.ok("current", "--json").json["session"] == resolved["session"]
    assert segue.ok("cleanup", "--dry-run", "--json").json == wire.call("session.cleanup", dry_run=True)
    assert segue.ok("check", "--json").json == {"ok": True, "problems": []}
    assert set(segue.ok("status", "--json").json) == set(wire.call("daemon.status"))


def test_a_directory_without_a_session_has_no_current_one(segue: Cli) -> None:
    none = segue.run("current")
    assert (none.code, none.out, none.err.count("\n")) == (1, "", 1)
    assert segue.run("show").code == 1
    id = segue.id()
    segue.ok("end")
    ended = segue.run("current", "--json")
    assert (ended.code, ended.json["session"], ended.json["previous"]) == (1, None, id)
    assert id in ended.err


def test_an_id_may_be_shortened_while_it_is_the_only_one(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    for id in ("abc", "abcd", "abx"):
        wire.call("session.create", id=id, name=f"name of {id}")
    assert segue.ok("rename", "abx", "by id").out == "abx is now by id\n"
    assert segue.ok("rename", "abcd", "whole").out == "abcd is now whole\n"
    assert segue.ok("rename", "abc", "whole wins").out == "abc is now whole wins\n"
    several = segue.run("rename", "ab", "which?")
    assert (several.code, several.out) == (1, "")
    assert [line.split()[0] for line in several.err.splitlines()[1:]] == ["abx", "abcd", "abc"]
    assert segue.run("rename", "%", "x").code == 1
    assert segue.run("rename", "", "x").err == "segue: no session ''\n"
    assert segue.run("rename", "a b", "x").err == "segue: no session 'a b'\n"


def test_one_word_renames_the_current_session(segue: Cli) -> None:
    id = segue.id()
    assert segue.ok("rename", "a name").out == f"{id} is now a name\n"
    assert segue.ok("rename", "b", "--json").json["name"] == "b"


def test_a_session_is_ended_as_completed_or_crashed(segue: Cli) -> None:
    id = segue.id()
    assert segue.ok("end", "--crashed").out == f"{id} is crashed\n"
    assert segue.ok("end", id).out == f"{id} is completed\n"


def test_the_end_of_a_session_names_the_one_that_the_directory_continues_now(segue: Cli) -> None:
    first, second = segue.id("--name", "one"), segue.id()
    text = f"segue: this directory now continues {first} one; `segue new` starts another session\n"
    assert segue.run("end") == (0, f"{second} is completed\n", text)
    assert segue.ok("end").out == f"{first} is completed\n"


def test_a_resumed_session_moves_to_the_current_directory_and_says_so(segue: Cli, other: Path) -> None:
    id = segue.id("--name", "n")
    for number in range(8):
        segue.ok("add", f"message {number}")
    there = segue.at(other)
    newer = there.id()
    lines = there.ok("resume", id).out.splitlines()
    assert lines[:2] == [f"resumed {id} n", f"moved from {segue.directory} to {other}"]
    assert [line for line in lines if line.startswith("message")] == [f"message {number}" for number in range(2, 8)]
    assert there.ok("current").rows[0][0] == id
    assert segue.run("current").code == 1
    assert segue.ok("resume", "--in-place", newer).out == f"resumed {newer}\n"
    assert there.ok("current").rows[0][0] == newer
    assert there.ok("resume", id, "--json").json["id"] == id


def test_delete_needs_yes_without_a_terminal(segue: Cli) -> None:
    id = segue.id()
    assert segue.run("delete", id).code == 2
    assert segue.ok("current").rows[0][0] == id
    assert segue.ok("delete", id, "--yes").out == f"deleted {id}\n"
    assert segue.run("delete", id, "--yes").err == f"segue: no session {id!r}\n"


def test_nothing_is_deleted_if_one_of_several_is_unknown(segue: Cli) -> None:
    first, second = segue.id("--name", "first"), segue.id("--name", "second")
    assert segue.run("delete", "-y", first, "unknown", second).code == 1
    assert len(segue.ok("list").rows) == 2
    assert segue.ok("delete", "-y", first, second).out == f"deleted {first}\ndeleted {second}\n"


def test_cleanup_tells_what_would_go_before_it_goes(segue: Cli) -> None:
    segue.id()
    assert segue.ok("cleanup", "--dry-run").out == "0 sessions would be deleted: 0 by age, 0 above the maximum\n"
    assert segue.ok("cleanup").out == "0 sessions deleted: 0 by age, 0 above the maximum\n"


def test_status_and_check_speak_to_a_person(segue: Cli, segued: Segued) -> None:
    status = segue.ok("status").out
    assert str(segued.socket) in status
    assert str(segued.database) in status
    segue.run("show", "nobody")
    labels = dict(line.split(maxsplit=1) for line in segue.ok("status").out.splitlines())
    assert labels["errors"] == "1 not_found"
    assert labels["refused"] == "0 clients over the limit, 0 of other users; 0 subscribers dropped"
    assert {"writes", "reads", "process"} <= set(labels)
    assert segue.ok("check", "--full").out == "ok\n"
