"""`segue ask`: what is stored, what the model command is given, and which session and command are taken."""

import json
from typing import Any

import pytest

from tests.process.asking import contents, messages
from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued

SHOUT = "tail -n 1 | tr a-z A-Z"


def test_the_question_is_stored_before_the_model_runs_and_the_reply_after_it(segue: Cli, segued: Segued) -> None:
    seen = segue.ok("ask", "why", "so?", "--with", f"cat >/dev/null; {SEGUE} rpc message.list").out
    assert [(one["role"], one["content"]) for one in json.loads(seen)["messages"]] == [("user", "why so?")]
    assert contents(segued) == [("user", "why so?"), ("assistant", seen.rstrip("\n"))]


def test_a_reply_tells_how_it_came_about(segue: Cli, segued: Segued) -> None:
    segue.ok("ask", "hello", "--with", "tr a-z A-Z", "--model", "shout-1")
    question, reply = messages(segued)
    assert (reply["model"], reply["stop_reason"], reply["role"]) == ("shout-1", "end", "assistant")
    assert reply["metadata"] == {"command": "tr", "exit_code": 0, "reply_to": question["id"]}
    assert reply["response_ms"] >= 0
    assert question["key"]
    assert reply["key"] == f"{question['key']}-reply"


def test_the_model_of_the_session_is_the_reply_s_unless_another_is_named(segue: Cli, segued: Segued) -> None:
    segue.id("--model", "of-the-session")
    segue.ok("ask", "hello", "--with", "cat")
    assert messages(segued)[-1]["model"] == "of-the-session"


def test_nothing_of_the_command_but_its_program_is_stored(segue: Cli, segued: Segued) -> None:
    segue.ok("ask", "hello", "--with", "KEY=geheim-1 cat")
    segue.ok("ask", "hello", "--with", "cat | grep -v geheim-2")
    assert "geheim" not in json.dumps(messages(segued))
    assert messages(segued)[-1]["metadata"]["command"] == "cat"


def conversation(segue: Cli, segued: Segued) -> None:
    """Store a session with all that a context can have."""
    wire = segued.connect()
    id = segue.id("--system", "Be brief.")
    wire.call("memory.save", fact="Prefers tabs", category="preference", importance=3)
    for role, content in (("user", "first"), ("assistant", "second"), ("user", "third"), ("assistant", "a\nb\n")):
        last = wire.call("message.append", session_id=id, role=role, content=content)["message_id"]
    wire.call("message.append", session_id=id, role="tool", content="", parts=[{"type": "result"}])
    wire.call(
        "summary.save",
        session_id=id,
        summary="It began.",
        messages_start=last - 3,
        messages_end=last - 2,
        token_count=2,
    )


def test_the_transcript_holds_the_context_and_ends_with_the_question(segue: Cli, segued: Segued) -> None:
    conversation(segue, segued)
    assert segue.ok("ask", "and now?", "--with", "cat").out == (
        "System:\nBe brief.\n\n"
        "System:\nRemember:\n- Prefers tabs (preference)\n\n"
        "System:\nSummary of the earlier conversation:\nIt began.\n\n"
        "User:\nthird\n\nAssistant:\na\nb\n\nUser:\nand now?\n"
    )


def test_the_json_is_a_list_of_messages(segue: Cli, segued: Segued) -> None:
    conversation(segue, segued)
    out = segue.ok("ask", "and now?", "--with", "cat", "--format", "json").out
    assert out.count("\n") == 1
    assert json.loads(out) == [
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "Remember:\n- Prefers tabs (preference)"},
        {"role": "system", "content": "Summary of the earlier conversation:\nIt began."},
        {"role": "user", "content": "third"},
        {"role": "assistant", "content": "a\nb\n"},
        {"role": "user", "content": "and now?"},
    ]


def test_a_budget_drops_the_oldest_messages(segue: Cli) -> None:
    for text in ("old", "new"):
        segue.ok("ask", text * 100, "--with", SHOUT)
    assert segue.ok("ask", "now", "--with", "cat", "--max-tokens", "1").out == "User:\nnow\n"


def test_the_command_is_an_option_else_a_variable_else_configured(segue: Cli, segued: Segued) -> None:
    segued.config.write_text('[ask]\ncommand = "echo configured"\n')
    assert segue.ok("ask", "x").out == "configured\n"
    given = segue.given(SEGUE_ASK="echo variable")
    assert given.ok("ask", "x").out == "variable\n"
    assert given.ok("ask", "x", "--with", "echo option").out == "option\n"


def test_the_format_can_be_configured(segue: Cli, segued: Segued) -> None:
    segued.config.write_text('[ask]\ncommand = "cat"\nformat = "json"\n')
    assert json.loads(segue.ok("ask", "x").out) == [{"role": "user", "content": "x"}]


@pytest.mark.parametrize("options", [(), ("--with", ""), ("--with", "  ")])
def test_without_a_command_nothing_is_stored_and_the_error_names_every_way_to_give_one(
    segue: Cli, segued: Segued, options: tuple[str, ...]
) -> None:
    outcome = segue.run("ask", "hello", *options)
    assert (outcome.code, outcome.out) == (2, "")
    for way in ("--with", "SEGUE_ASK", "[ask]", str(segued.config)):
        assert way in outcome.err
    assert messages(segued) == []


def test_a_missing_daemon_is_4_and_no_model_runs(unserved: Cli) -> None:
    assert unserved.run("ask", "hello", "--with", "touch ran").code == 4
    assert not (unserved.directory / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "piped", "question"),
    [
        (("review this",), b"a diff\n", "review this\n\na diff\n"),
        (("-",), b"a diff\n", "a diff\n"),
        ((), b"a diff\n", "a diff\n"),
        (("hello",), b"", "hello"),
        (("hello",), b" \n", "hello"),
        (("--", "-n"), b"", "-n"),
    ],
)
def test_what_is_piped_in_comes_after_the_text(
    segue: Cli, segued: Segued, arguments: tuple[str, ...], piped: bytes, question: str
) -> None:
    segue.ok("ask", "--with", "cat", *arguments, stdin=piped)
    assert messages(segued)[0]["content"] == question


@pytest.mark.parametrize("arguments", [(), ("-",), ("",), (" ", "")])
def test_an_empty_question_is_wrong_usage(segue: Cli, segued: Segued, arguments: tuple[str, ...]) -> None:
    assert segue.run("ask", "--with", "cat", *arguments, stdin=b" \n").code == 2
    assert messages(segued) == []


def test_a_person_s_terminal_is_not_read(segue: Cli, segued: Segued) -> None:
    assert segue.shown("ask", "hello", "--with", "cat") == "User:\nhello\n"


def test_a_closed_standard_input_is_an_empty_one(segue: Cli, segued: Segued) -> None:
    assert segue.shell("segue ask hello --with cat <&-") == (0, "User:\nhello\n", "")
    assert segue.shell("segue ask hello --with 'tail -n 1' 0>written").out == "hello\n"
    for closed in ("<&-", "0>written"):
        outcome = segue.shell(f"segue ask --with cat {closed}")
        assert (outcome.code, outcome.out) == (2, "")
    assert len(messages(segued)) == 4


def test_bytes_of_a_question_that_are_not_utf_8_become_replacement_characters(segue: Cli, segued: Segued) -> None:
    segue.ok("ask", "--with", "echo ok", "look", stdin=b"caf\xe9")
    segue.ok("ask", b"caf\xe9", "--with", "echo ok")
    questions = [message["content"] for message in messages(segued) if message["role"] == "user"]
    assert questions == ["look\n\ncaf\ufffd", "caf\ufffd"]


def test_a_question_over_the_limit_is_refused_before_the_model_runs(segue: Cli, segued: Segued) -> None:
    for arguments in (("-",), ("look",), ("look", "--new")):
        outcome = segue.run("ask", "--with", "touch ran", *arguments, stdin=b"x" * (8 * 1024 * 1024 + 1))
        assert (outcome.code, outcome.out) == (1, "")
        assert str(8 * 1024 * 1024) in outcome.err
    assert not (segue.directory / "ran").exists()
    assert segue.ok("list").out == ""


def test_what_only_the_daemon_refuses_leaves_no_new_session_behind(segue: Cli, segued: Segued) -> None:
    segued.stop()
    segued.config.write_text("[limits]\ncontent_bytes = 10\n")
    segued.start()
    segued.config.write_text("")
    outcome = segue.run("ask", "more than ten bytes", "--new", "--with", "touch ran")
    assert (outcome.code, outcome.out) == (1, "")
    assert not (segue.directory / "ran").exists()
    assert segue.ok("list").out == ""


def test_it_continues_the_directory_s_session_or_a_given_or_a_new_one(segue: Cli, segued: Segued) -> None:
    first = segue.id("--name", "first")
    second = segue.id("--name", "second")
    for options in (
        (),
        ("--session", first),
        ("--new",),
        ("--session", first[:-1] if second[:-1] != first[:-1] else first),
    ):
        segue.ok("ask", "x", "--with", "cat", *options)
    sessions = [one["session_id"] for one in messages(segued)]
    assert sessions[:4] == [second, second, first, first]
    assert sessions[4] == sessions[5]
    assert sessions[4] not in (first, second)
    assert sessions[6:] == [first, first]


@pytest.mark.parametrize("options", [("--new",), ("--bot", "default")])
def test_a_named_session_leaves_nothing_else_to_choose(segue: Cli, options: tuple[str, ...]) -> None:
    assert segue.run("ask", "x", "--with", "cat", "--session", segue.id(), *options).code == 2


def test_a_bot_answers_in_its_own_session(segue: Cli, segued: Segued) -> None:
    segue.ok("bot", "new", "tutor")
    segue.ok("ask", "x", "--with", "cat", "--bot", "tutor")
    segue.ok("ask", "y", "--with", "cat", "--bot", "tutor", "--new")
    assert {one["bot_id"] for one in segued.connect().call("session.list")["sessions"]} == {"tutor"}
    assert segue.run("ask", "x", "--with", "cat", "--bot", "unknown").code == 1


def test_the_help_shows_both_formats(unserved: Cli) -> None:
    text: Any = unserved.ok("ask", "--help").out
    assert '\n  text   "System:"' in text
    assert '\n  json   one line: [{"role":' in text
