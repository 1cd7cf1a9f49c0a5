import json
import re
from pathlib import Path

import pytest

from tests.process.command_line import Cli, interrupt
from tests.support.process import Segued

STYLE = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b[31mred\x1b]0;title\x07\u009b2J\u202e [bold]x[/bold] :smile:"
TAMED = "\\x1b[31mred\\x1b]0;title\\x07\\x9b2J\\u202e [bold]x[/bold] :smile:"


def test_sessions_are_a_table_with_the_current_one_marked(segue: Cli) -> None:
    first = segue.id("--provider", "p", "--model", "m", "--name", "[red]a[/red] :smile: name")
    second = segue.id()
    lines = STYLE.sub("", segue.shown("list")).splitlines()
    assert lines[0].split() == ["name", "id", "model", "directory", "msgs", "used"]
    assert lines[1].split()[:5] == ["*", "(no", "name)", second[11:], "~/project"]
    assert lines[2].split()[:6] == ["[red]a[/red]", ":smile:", "name", first[11:], "p/m", "~/project"]
    assert re.search(r" \d+s ago$", lines[2])


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_a_table_fits_its_terminal(segue: Cli, columns: int) -> None:
    segue.id("--provider", "p" * 50, "--model", "m" * 50, "--name", "n" * 100)
    lines = STYLE.sub("", segue.shown("list", columns=columns)).splitlines()
    assert max(map(len, lines)) <= columns
    if columns >= 80:
        assert "".join(lines).replace(" ", "").count("n" * 10) >= 1


def test_a_session_is_one_line_and_its_directory_keeps_its_end(segue: Cli, project: Path) -> None:
    deep = project / "some" / "very" / "long" / "way" / "to" / "the" / "end"
    deep.mkdir(parents=True)
    id = segue.at(deep).id("--provider", "p" * 50, "--model", "m" * 50, "--name", "日本語" * 30)
    head, line = STYLE.sub("", segue.shown("list", columns=80)).splitlines()
    assert head.split() == ["name", "id", "directory", "msgs", "used"]
    assert id[11:] in line
    assert "日本語日本語" in line
    assert "/way/to/the/end " in line


def test_a_list_that_was_cut_says_so_to_a_person_only(segue: Cli) -> None:
    for number in range(3):
        segue.id("--name", f"number {number}")
    assert STYLE.sub("", segue.shown("list", "-n", "2")).splitlines()[3:] == ["2 of 3; --limit N or --all shows more"]
    for options in (["-n", "3"], ["--all"], []):
        assert len(segue.shown("list", *options).splitlines()) == 4
    assert len(segue.ok("list", "-n", "2").rows) == 2
    assert len(segue.shown("list", "-n", "2", "--json").splitlines()) == 1


def test_nothing_stored_can_drive_the_terminal(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    wire.call("session.create", id="s", working_dir=str(segue.directory), system_prompt=HOSTILE)
    wire.call("session.update", session_id="s", working_dir=f"/{HOSTILE}")
    wire.call("message.append", session_id="s", role="tool", content=HOSTILE, parts=[{"type": HOSTILE}])
    shown = segue.shown("show", "s")
    assert shown.count(TAMED) == 4
    resumed = segue.shown("resume", "s")
    assert resumed.count(TAMED) == 3
    wire.call("session.update", session_id="s", working_dir=f"/{HOSTILE}")
    others = [
        segue.shown(*words, columns=300)
        for words in (
            ["list"],
            ["rpc", "session.get", "session_id=s"],
            ["grep", "red"],
            ["export", "s"],
            ["export", "s", "--format", "jsonl"],
            ["handoff", "s"],
        )
    ]
    assert [screen for screen in others if not re.search(r"\\x9b|\\u009b", screen)] == []
    for screen in (shown, resumed, *others):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", STYLE.sub("", screen))


def test_json_on_a_terminal_is_still_the_same_json(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    made = wire.call("session.create", id="s", working_dir=f"/{HOSTILE}")
    assert json.loads(segue.shown("rpc", "session.get", "session_id=s")) == made


def test_no_colour_is_shown_to_who_wants_none(segue: Cli) -> None:
    segue.ok("add", "hello")
    assert "\x1b" in segue.shown("show")
    assert "\x1b" not in segue.given(NO_COLOR="1").shown("show")


@pytest.mark.parametrize(
    ("typed", "code", "left"), [("y\n", 0, 0), ("YES\n", 0, 0), ("n\n", 1, 1), ("\n", 1, 1), ("\x04", 1, 1)]
)
def test_delete_asks_a_person_and_takes_only_yes_for_yes(segue: Cli, typed: str, code: int, left: int) -> None:
    id = segue.id("--name", "precious")
    terminal = segue.terminal("delete", id)
    terminal.read_until("[y/N]")
    assert id in terminal.screen
    assert "precious" in terminal.screen
    terminal.type(typed)
    assert terminal.finish()[0] == code
    assert len(segue.ok("list").rows) == left


def test_an_interrupt_is_130_and_changes_nothing(segue: Cli) -> None:
    id = segue.id()
    terminal = segue.terminal("delete", id)
    terminal.read_until("[y/N]")
    interrupt(terminal)
    code, screen = terminal.finish()
    assert code == 130
    assert "Traceback" not in screen
    assert segue.ok("list").rows[0][0] == id


def test_an_added_message_is_confirmed_in_words(segue: Cli) -> None:
    id = segue.id()
    assert segue.shown("add", "hello", "--key", "k") == f"message 1 in {id}\n"
    assert segue.shown("add", "hello", "--key", "k") == f"message 1 in {id} (already stored)\n"


def test_the_reply_of_a_model_cannot_drive_the_terminal_and_a_pipe_gets_its_bytes(segue: Cli) -> None:
    reply = r"printf '\033]52;c;eA==\007\033[31mred\033[0m\342\200\256\n'"
    assert segue.shown("ask", "x", "--with", reply) == "\\x1b]52;c;eA==\\x07\x1b[31mred\x1b[0m\\u202e\n\x1b[0m"
    assert segue.ok("ask", "x", "--with", reply).out == "\x1b]52;c;eA==\x07\x1b[31mred\x1b[0m\u202e\n"
