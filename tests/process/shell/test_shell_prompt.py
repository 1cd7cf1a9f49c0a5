"""The prompt of zsh, bash and fish: which session it shows, under odd names, and with a daemon that does not answer."""

import os
import signal
from pathlib import Path

from tests.process.command_line import Cli
from tests.process.shell.conftest import PATIENT, Open
from tests.process.shells import open_shell
from tests.support.process import Segued


def test_the_prompt_shows_the_session_that_the_directory_continues(segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "sorting dicts")
    shell = open_one()
    shell.wait_for("[sorting dicts (0, ")
    assert shell.prompt.startswith("sorting dicts (0, ")
    shell.run("segue add hello")
    assert shell.prompt.startswith("sorting dicts (1, ")
    shell.run("segue end")
    assert shell.prompt == ""


def test_each_directory_has_its_own(segue: Cli, open_one: Open, tmp_path: Path) -> None:
    other, empty = tmp_path / "other", tmp_path / "empty"
    other.mkdir()
    empty.mkdir()
    segue.ok("new", "--name", "the first")
    segue.at(other).ok("new", "--name", "the second")
    shell = open_one()
    for directory, name in [
        (other, "the second ("),
        (segue.directory, "the first ("),
        (empty, ""),
        (other, "the second ("),
    ]:
        shell.run(f"cd '{directory}'")
        shell.wait_for_prompt(name)


def test_an_ended_session_hides_none_that_continues(segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "goes on")
    ended = segue.id("--name", "was ended")
    segue.ok("end", ended)
    assert open_one().prompt.startswith("goes on (")


def test_looking_changes_nothing(segue: Cli, open_one: Open) -> None:
    crashed = segue.id("--name", "crashed")
    segue.ok("end", "--crashed", crashed)
    before = segue.ok("rpc", "session.get", f"session_id={crashed}").out
    assert open_one().prompt.startswith("crashed (")
    assert segue.ok("rpc", "session.get", f"session_id={crashed}").out == before


def test_a_session_that_is_too_old_to_be_continued_is_not_shown(segued: Segued, segue: Cli, open_one: Open) -> None:
    segued.stop()
    segued.config.write_text("[session]\ncontinuity_hours = 0.0002\n")  # 720 ms
    segued.start()
    segue.ok("new", "--name", "old soon")
    open_one().wait_for_prompt("")


def test_the_format_is_the_users(segue: Cli, open_one: Open) -> None:
    made = segue.id("--name", "a name that is long")
    shell = open_one(SEGUE_PROMPT_FORMAT="{id}|{messages}|{name}", SEGUE_PROMPT_LENGTH="6")
    assert shell.prompt in (f"{made}|0|a name", f"{made[:6]}|0|a name")


HOSTILE = "$(touch pwned)`touch pwned`%n\\e]0;x\\a\"';touch pwned;%{\\[\\u{age}你好😀é!"


def test_a_name_is_text_and_nothing_else(segue: Cli, open_one: Open, project: Path) -> None:
    wire_name = HOSTILE + "\u202e"
    segue.ok("new", "--name", wire_name)
    shell = open_one(SEGUE_PROMPT_LENGTH="200")
    shell.wait_for("你好😀é!")
    for _ in range(2):
        shell.show_prompt()
    assert shell.prompt
    assert "\u202e" not in shell.prompt
    assert not (project / "pwned").exists()
    assert "]0;x" in shell.screen  # it would have set the window's title


def test_a_name_is_text_in_a_prompt_made_the_careless_way_too(segue: Cli, open_one: Open, project: Path) -> None:
    segue.ok("new", "--name", HOSTILE)
    shell = open_one(SEGUE_PROMPT_LENGTH="200")
    if shell.name == "fish":
        shell.run("eval 'function fish_prompt; echo -n $SEGUE_PROMPT; echo careless\\>; end'")
    else:
        shell.run("eval 'careless() { PROMPT=\"$SEGUE_PROMPT careless> \"; PS1=$PROMPT; }'")
        hook = "precmd_functions+=(careless)" if shell.name == "zsh" else 'PROMPT_COMMAND="$PROMPT_COMMAND;careless"'
        shell.run(f"eval '{hook}'")
    shell.clear()
    shell.show_prompt()
    shell.wait_for("careless>")
    shell.show_prompt()
    assert shell.prompt
    assert not (project / "pwned").exists()


ODD = [
    b"with blanks  and 'quotes' \"double\"",
    b"back\\slash $(touch pwned) `x` %n !1",
    b"line\nfeed\ttab\x01\x7f",
    b"not utf-8 \xff\xc3(\xe2\x82\xed\xa0\x80\xf4\x90\x80\x80",
    "你好 😀 é".encode(),
    b"trailing newline\n",
    b"-n",
]


def test_any_directory_is_found(segued: Segued, segue: Cli, open_one: Open, tmp_path: Path) -> None:
    directories = [tmp_path / "odd" / os.fsdecode(name) for name in ODD]
    wire = segued.connect()
    for number, directory in enumerate(directories):
        directory.mkdir(parents=True)
        told = os.fsencode(directory).decode(errors="backslashreplace")
        wire.call("session.create", working_dir=told, name=f"number {number}")
    shell = open_one(**{f"ODD{number}": str(directory) for number, directory in enumerate(directories)})
    for number in range(len(ODD)):
        shell.run(f'cd "$ODD{number}"')
        shell.wait_for_prompt(f"number {number} (")


def test_the_directory_is_the_physical_one(segue: Cli, open_one: Open, tmp_path: Path) -> None:
    segue.ok("new", "--name", "behind a link")
    (tmp_path / "link").symlink_to(segue.directory)
    shell = open_one()
    shell.run(f"cd '{tmp_path}/link'")
    assert shell.prompt.startswith("behind a link (")


def test_a_daemon_that_was_killed_and_started_again_is_asked_again(segued: Segued, segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "before")
    shell = open_one()
    assert shell.prompt.startswith("before (")
    segued.kill()
    for _ in range(3):
        shell.run("true")
    segued.start()
    shell.run("segue rename after")
    shell.wait_for_prompt("after (")


def test_a_daemon_that_is_stopped_is_not_waited_for_and_its_late_answer_is_not_taken_for_another(
    segued: Segued, segue: Cli, open_one: Open, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    segue.ok("new", "--name", "the first")
    segue.at(other).ok("new", "--name", "the second")
    shell = open_one(SEGUE_BUDGET="")
    shell.run("true segue")
    shell.wait_for_prompt("the first (")
    os.kill(segued.pid, signal.SIGSTOP)
    try:
        shell.run(f"cd '{other}'")
        assert shell.prompt == ""
        shell.run(f"cd '{segue.directory}'")
        for _ in range(5):
            shell.run("true segue")
        shell.run(f"cd '{other}'")
    finally:
        os.kill(segued.pid, signal.SIGCONT)
    shell.wait_for_prompt("the second (")


def test_without_a_daemon_there_is_a_prompt_and_none_is_started(unserved: Cli, open_one: Open, segued: Segued) -> None:
    shell = open_one()
    for _ in range(3):
        shell.show_prompt()
    assert shell.prompt == ""
    assert not segued.socket.exists()
    assert not segued.database.exists()


def test_a_daemon_is_found_where_it_says_that_it_is(segued: Segued, segue: Cli, open_one: Open) -> None:
    segue.ok("new", "--name", "by its record")
    assert open_one(SEGUE_SOCKET="").prompt.startswith("by its record (")


def test_zsh_shows_what_another_terminal_did(segue: Cli, segued: Segued, project: Path) -> None:
    segue.ok("new", "--name", "before")
    with open_shell("zsh", {**segued.environment, "SEGUE_NO_AUTOSTART": "1", **PATIENT}, project) as shell:
        shell.wait_for_prompt("before (0, ")
        segue.ok("rename", "after")
        shell.show_prompt()
        assert shell.prompt.startswith("after (0, ")
