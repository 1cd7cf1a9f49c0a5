"""`segue config`, `pin` and `move`."""

from pathlib import Path

from tests.process.command_line import Cli
from tests.support.process import Segued


def test_the_values_in_force_are_shown_and_those_of_the_file_marked(unserved: Cli, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[session]\nretention_days = 7\n")
    file.chmod(0o600)
    given = ["--config", str(file), "config"]
    assert unserved.ok(*given, "path").out == f"{file}\n"
    lines = unserved.ok(*given, "show").out.splitlines()
    assert "retention_days = 7.0  # set" in lines
    assert "max_sessions = 0" in lines
    assert "# command =" in lines


def test_the_editor_gets_the_file_and_the_result_is_checked(unserved: Cli, tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\necho "$TEXT" >>"$2"\n')
    editor.chmod(0o700)
    edit = ["--config", str(file), "config", "edit"]
    good = unserved.given(VISUAL="", EDITOR=f"{editor} -x", TEXT="[session]")
    assert good.ok(*edit).out == "the configuration is valid; `segue restart` activates it\n"
    assert file.stat().st_mode & 0o777 == 0o600
    bad = good.given(TEXT="bogus = 1").run(*edit)
    assert bad.code == 2
    assert "session.bogus: unknown key" in bad.err
    assert unserved.given(EDITOR="false").run(*edit).code == 1


def test_sessions_are_pinned_and_unpinned(segue: Cli) -> None:
    id = segue.id("--name", "n")
    assert segue.ok("pin").out == f"{id} n is pinned\n"
    assert [row[0] for row in segue.ok("list", "--pinned").rows] == [id]
    assert segue.ok("unpin", "n").out == f"{id} n is not pinned\n"
    assert segue.ok("list", "--pinned").rows == []


def test_sessions_of_a_renamed_directory_move_with_those_below_it(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    for id, directory in (("a", "/srv/old"), ("b", "/srv/old/sub"), ("c", "/srv/older")):
        wire.call("session.create", id=id, working_dir=directory)
    assert "would move" in segue.ok("move", "--dry-run", "/srv/old", "/srv/new").out
    segue.ok("move", "/srv/old", "/srv/new")
    directories = {id: wire.call("session.get", session_id=id)["working_dir"] for id in "abc"}
    assert directories == {"a": "/srv/new", "b": "/srv/new/sub", "c": "/srv/older"}
    assert segue.run("move", "/srv/old", "/srv/new").code == 1


def test_sessions_are_listed_by_directory_and_time(segue: Cli, segued: Segued) -> None:
    segued.connect().call("session.create", id="there", working_dir="/elsewhere")
    here = segue.id()
    assert [row[0] for row in segue.ok("list", "--dir", "/elsewhere").rows] == ["there"]
    assert len(segue.ok("list", "--since", "1h").rows) == 2
    assert segue.ok("list", "--until", "1h").rows == []
    assert len(segue.ok("list", "--since", "1h", "--json").json["sessions"]) == 2
    assert segue.ok("list", "-n", "1", "--since", "today").rows[0][0] == here


def test_an_empty_list_says_what_to_do_on_a_terminal_only(segue: Cli) -> None:
    assert "segue ask QUESTION" in segue.shown("list")
    assert "no session matches" in segue.shown("list", "--pinned")
    assert segue.ok("list").out == ""
