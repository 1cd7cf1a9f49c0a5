"""`segue ask`: where the question comes from, which session gets it, and what is stored."""

from pathlib import Path
from typing import Any

import pytest

from tests.process.asking import Asking, Gate, contents, messages
from tests.process.command_line import SEGUE, Cli, Terminal
from tests.support.process import Segued

LAST = "tail -n 1"


@pytest.fixture
def expired(segue: Cli, segued: Segued) -> str:
    """Return a session of the directory that is too old to be continued."""
    wire = segued.connect()
    old = {"working_dir": str(segue.directory), "created_at": "2026-01-02T03:04:05.000Z"}
    id: str = wire.call("session.create", **old)["id"]
    wire.call("message.append", session_id=id, role="user", content="old", created_at="2026-01-02T03:04:05.000Z")
    return id


def test_a_line_is_read_from_a_terminal(segue: Cli, segued: Segued) -> None:
    terminal = segue.terminal("ask", "--with", LAST)
    terminal.read_until("question: ")
    terminal.type("what is cafe?\n")
    code, screen = terminal.finish()
    assert (code, screen.splitlines()[-1]) == (0, "what is cafe?")
    assert contents(segued)[0] == ("user", "what is cafe?")


@pytest.mark.parametrize("keys", ["\x04", "\n", "  \n"])
def test_an_empty_line_is_no_question(segue: Cli, segued: Segued, keys: str) -> None:
    terminal = segue.terminal("ask", "--with", "touch ran; cat")
    terminal.read_until("question: ")
    terminal.type(keys)
    assert terminal.finish()[0] == 2
    assert (messages(segued), (segue.directory / "ran").exists()) == ([], False)


def test_a_prompt_is_not_part_of_the_output(segue: Cli) -> None:
    command = ["/bin/sh", "-c", f"{SEGUE} ask --with '{LAST}' >out"]
    terminal = Terminal(command, {**segue.environment, "TERM": "xterm"}, segue.directory, 80)
    terminal.read_until("question: ")
    terminal.type("hello\n")
    assert terminal.finish()[0] == 0
    assert (segue.directory / "out").read_text() == "hello\n"


def test_the_editor_opens_with_the_text_and_what_was_piped(segue: Cli, segued: Segued) -> None:
    editor = segue.given(VISUAL="", EDITOR="sed -i 's/one/three/;$a end'")
    assert editor.run("ask", "-e", "one", "--with", LAST, stdin=b"two").out == "end\n"
    assert contents(segued)[0] == ("user", "three\n\ntwo\nend")
    assert editor.given(EDITOR="true").run("ask", "-e", "--with", LAST).code == 2
    assert editor.given(EDITOR="false").run("ask", "-e", "x", "--with", LAST).code == 1
    assert len(messages(segued)) == 2


def test_standard_input_is_left_to_a_loop(segue: Cli) -> None:
    outcome = segue.shell(f"printf 'a\\nb\\n' | while read line; do segue ask -n \"$line\" --with '{LAST}'; done")
    assert outcome.out == "a\nb\n"
    assert segue.run("ask", "--no-stdin", "--with", LAST, stdin=b"question").code == 2


def test_a_new_session_is_reported_with_the_one_that_was_left(segue: Cli, segued: Segued, expired: str) -> None:
    outcome = segue.run("ask", "new", "--with", LAST)
    began = messages(segued)[-1]["session_id"]
    assert outcome.out == "new\n"
    assert outcome.err.startswith(f"segue: began session {began}; {expired} was last used ")
    assert outcome.err.endswith("d ago, and `segue ask --continue` continues it\n")
    assert segue.run("ask", "again", "--with", LAST).err == ""
    segue.ok("end")
    assert f"{began} was ended" in segue.run("ask", "third", "--with", LAST).err


def test_a_requested_session_is_reported_on_a_terminal_only(segue: Cli, segued: Segued) -> None:
    id = segue.id()
    assert segue.run("ask", "--new", "x", "--with", LAST).err == ""
    newest = messages(segued)[0]["session_id"]
    screen = segue.shown("ask", "--new", "x", "--with", LAST)
    assert f"`segue resume {newest}` returns to the last one" in screen
    assert id not in screen


def test_the_newest_session_is_continued_although_it_expired_or_ended(segue: Cli, segued: Segued, expired: str) -> None:
    outcome = segue.run("ask", "--continue", "more", "--with", "cat")
    assert outcome.out == "User:\nold\n\nUser:\nmore\n"
    assert outcome.err == f"segue: continuing {expired} old - 2026-01-02_03-04\n"
    assert segue.ok("ask", "--continue", "and", "--with", LAST).out == "and\n"
    segue.ok("end")
    assert segue.run("ask", "--continue", "yet", "--with", LAST).code == 0
    assert {one["session_id"] for one in messages(segued)} == {expired}


def test_nothing_to_continue_is_an_error(segue: Cli, segued: Segued) -> None:
    outcome = segue.run("ask", "--continue", "x", "--with", "touch ran")
    assert (outcome.code, "leave out --continue" in outcome.err) == (1, True)
    outcome = segue.run("ask", "--retry", "--with", "touch ran")
    assert (outcome.code, "no session here yet" in outcome.err) == (1, True)
    segue.id()
    outcome = segue.run("ask", "--retry", "--with", "touch ran")
    assert (outcome.code, "no question to repeat" in outcome.err) == (1, True)
    assert (messages(segued), (segue.directory / "ran").exists()) == ([], False)


def test_a_repeated_question_replaces_the_failed_reply(segue: Cli, segued: Segued) -> None:
    segue.ok("ask", "first", "--with", LAST)
    segue.run("ask", "second", "--with", "echo half; exit 3")
    assert segue.ok("ask", "--retry", "--with", "cat", stdin=b"ignored").out.endswith("User:\nsecond\n")
    assert [text for _, text in contents(segued)[:3]] == ["first", "first", "second"]
    (reply,) = messages(segued)[3:]
    assert reply["content"].endswith("User:\nsecond")
    assert (reply["stop_reason"], reply["metadata"]["reply_to"]) == ("end", messages(segued)[2]["id"])
    assert segue.run("search", "half").code == 1


def test_a_reply_is_kept_until_a_complete_one_replaces_it(segue: Cli, segued: Segued) -> None:
    segue.ok("ask", "q", "--with", "echo good")
    outcome = segue.run("ask", "--retry", "--with", "exit 3")
    assert (outcome.code, "the old reply is stored" in outcome.err) == (3, True)
    outcome = segue.run("ask", "--retry", "--with", "echo half; exit 3")
    assert (outcome.code, "replaces both" in outcome.err) == (3, True)
    assert [text for _, text in contents(segued)] == ["q", "good", "half"]
    segue.ok("ask", "--retry", "--with", "echo better")
    assert [text for _, text in contents(segued)] == ["q", "better"]


def test_a_repeated_question_reaches_the_model_whatever_the_budget(segue: Cli, segued: Segued) -> None:
    segue.ok("ask", "first", "--with", LAST)
    segue.ok("ask", "second", "--with", LAST)
    assert segue.ok("ask", "--retry", "--max-tokens", "1", "--with", "cat").out == "User:\nsecond\n"


def test_a_question_without_a_reply_is_repeated_too(segue: Cli, segued: Segued) -> None:
    segue.run("ask", "q", "--with", "exit 3")
    segue.ok("ask", "--retry", "--with", LAST)
    assert contents(segued) == [("user", "q"), ("assistant", "q")]


def test_a_retry_leaves_the_reply_to_another_question(segue: Cli, segued: Segued, gate: Gate) -> None:
    slow = Asking(segue, "one", "--with", "echo begun; read _ <gate; echo one")
    slow.read_until(b"begun\n")
    segue.ok("ask", "two", "--with", "echo bad")
    gate.open()
    assert slow.finish()[0] == 0
    segue.ok("ask", "--retry", "--with", "echo good")
    assert [text for role, text in contents(segued) if role == "assistant"] == ["begun\none", "good"]


def test_nothing_is_stored_of_an_incognito_question(segue: Cli, segued: Segued) -> None:
    assert segue.ok("ask", "--incognito", "secret", "--with", "cat").out == "User:\nsecret\n"
    assert segued.connect().call("session.list")["total"] == 0
    segue.ok("ask", "known", "--with", LAST)
    before = messages(segued)
    out = segue.ok("ask", "--incognito", "secret", "--with", "cat").out
    assert out == "User:\nknown\n\nAssistant:\nknown\n\nUser:\nsecret\n"
    assert segue.ok("ask", "--incognito", "--new", "secret", "--with", "cat").out == "User:\nsecret\n"
    outcome = segue.run("ask", "--incognito", "secret", "--with", "exit 3")
    assert (outcome.code, "nothing is stored" in outcome.err) == (3, True)
    assert messages(segued) == before
    segued.stop()
    assert segue.ok("ask", "--incognito", "--new", "x", "--with", LAST).out == "x\n"
    assert not [*Path(segued.folder, ".local").rglob("*")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--retry", "x"],
        ["--retry", "--new"],
        ["--retry", "--incognito"],
        ["--retry", "-e"],
        ["--new", "--continue", "x"],
        ["--session", "s", "--continue", "x"],
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(unserved: Cli, arguments: list[Any]) -> None:
    outcome = unserved.run("ask", *arguments, "--with", "touch ran")
    assert (outcome.code, "cannot be used with" in outcome.err) == (2, True)
