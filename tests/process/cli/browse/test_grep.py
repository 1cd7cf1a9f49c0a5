"""`segue grep`: the lines of messages that match a pattern."""

import re

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued

STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def talk(segue: Cli, segued: Segued) -> str:
    """Return a session with messages of several lines, a tool call and its result."""
    id = segue.id("--name", "talk")
    wire = segued.connect()

    def append(role: str, content: str, **more: object) -> None:
        wire.call("message.append", session_id=id, role=role, content=content, **more)

    append("user", "open(path)\r\nread it\nclose it")
    append("assistant", "Open it, then [close] it.\n")
    append(
        "assistant", "", parts=[{"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "cat close.c"}}]
    )
    append("tool", "", parts=[{"type": "tool_result", "tool_use_id": "t", "content": "one\nclose(2)\nclose(3)"}])
    append("user", "close", parts=[{"type": "text", "text": "close"}])
    return id


def test_a_pipe_gets_session_message_and_line_of_the_newest_first(segue: Cli, talk: str) -> None:
    lines = ["5:close", "4:close(2)", "4:close(3)", "3:cat close.c", "2:Open it, then [close] it.", "1:close it"]
    assert segue.ok("grep", "close").out.splitlines() == [f"{talk}:{line}" for line in lines]


def test_options_mean_what_they_mean_to_grep(segue: Cli, talk: str) -> None:
    def found(*arguments: str) -> list[str]:
        return [line.removeprefix(f"{talk}:") for line in segue.ok("grep", *arguments).out.splitlines()]

    assert found("^open") == ["1:open(path)"]
    assert found("-i", "^OPEN") == ["2:Open it, then [close] it.", "1:open(path)"]
    assert found("(?i)^OPEN", "--role", "user") == ["1:open(path)"]
    assert found("-F", "[close]") == ["2:Open it, then [close] it."]
    assert found("-w", "pat|rea|it[.]?", "-n", "1") == ["2:Open it, then [close] it."]
    assert found("close", "-n", "2") == ["5:close", "4:close(2)", "4:close(3)"]
    assert found("it$") == ["1:read it", "1:close it"]
    assert found("--", "-x|ea") == ["1:read it"]


def test_nothing_found_is_exit_status_1(segue: Cli, talk: str) -> None:
    for arguments in (["nothing"], ["OPEN"], [r"path\)\s+read"], ["-w", "rea"], ["^", "--dir", "/"]):
        assert segue.run("grep", *arguments) == (1, "", "")


def test_sessions_are_listed_and_counted(segue: Cli, segued: Segued, talk: str) -> None:
    other = segued.connect().call("session.create", working_dir="/other", project="/p")["id"]
    segued.connect().call("message.append", session_id=other, role="user", content="to close")
    assert segue.ok("grep", "-l", "close").out.splitlines() == [other, talk]
    assert segue.ok("grep", "-c", "close").out.splitlines() == [f"{other}:1", f"{talk}:6"]
    for option in (["--here"], ["--dir", "."], ["--session", talk[11:]]):
        assert segue.ok("grep", "-l", "close", *option).out == f"{talk}\n"
    for option in (["--dir", "/other"], ["--project", "/p"]):
        assert segue.ok("grep", "-l", "close", *option).out == f"{other}\n"


def test_a_terminal_shows_lines_below_their_session(segue: Cli, segued: Segued, talk: str) -> None:
    segued.connect().call("session.update", session_id=talk, name="long name " * 20)
    screen = segue.shown("grep", r"\[close", columns=40)
    assert "\x1b[31m\x1b[1m[close\x1b[0m" in screen
    heading, line = STYLE.sub("", screen).splitlines()
    assert re.fullmatch(rf"{talk[11:]}  long name .*…  \d+s ago", heading)
    assert len(heading) <= 40
    assert line == "2:Open it, then [close] it."
    assert segue.terminal("grep", "nothing").finish() == (
        1,
        "segue: nothing found; `segue search` finds words in any order\n",
    )


def test_control_characters_and_long_lines_are_tamed_on_a_terminal_only(segue: Cli) -> None:
    line = "x" * 3000 + "\x1b]0;needle\x07" + "y" * 3000
    segue.ok("add", line)
    assert segue.ok("grep", "needle").out.endswith(f":{line}\n")
    shown = STYLE.sub("", segue.shown("grep", "needle")).splitlines()[1]
    assert re.fullmatch(r"1:…x+\\x1b\]0;needle\\x07y+…", shown)
    assert len(shown) < 520


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["foo("], "'foo(' is not a regular expression: missing ), unterminated subpattern at position 3; -F "),
        (["(?z)x"], "is not a regular expression: unknown extension"),
        (["two", "words"], "quote a pattern that contains spaces"),
        ([""], "the pattern is empty"),
        (["a\nb"], "the pattern has several lines"),
    ],
)
def test_a_wrong_pattern_is_wrong_usage(unserved: Cli, arguments: list[str], told: str) -> None:
    outcome = unserved.run("grep", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err


def test_a_pattern_that_takes_too_long_is_an_error(segue: Cli) -> None:
    segue.ok("add", "a" * 40 + "b")
    outcome = segue.run("grep", "(a+)+$")
    assert (outcome.code, outcome.out) == (1, "")
    assert "the pattern takes longer than 1 s" in outcome.err


def test_json_has_the_results_of_the_daemon(segue: Cli, talk: str) -> None:
    assert [hit["message_id"] for hit in segue.ok("grep", "close", "-n", "2", "--json").json["hits"]] == [5, 4]
    assert segue.run("grep", "nothing", "--json").code == 1
