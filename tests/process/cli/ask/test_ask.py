import json
import os
import resource
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.process.asking import Asking, Gate, contents, is_alive, messages
from tests.process.command_line import SEGUE, Cli
from tests.support.deadline import wait_until
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
    """A session with all that a context can have."""
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
def test_without_a_command_nothing_is_stored_and_every_way_to_name_one_is_told(
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


def test_a_question_over_the_limit_is_told_before_the_model_runs(segue: Cli, segued: Segued) -> None:
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


def test_it_goes_on_with_the_directory_s_session_or_a_given_or_a_new_one(segue: Cli, segued: Segued) -> None:
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


def test_two_at_once_do_not_mix(segue: Cli, segued: Segued, gate: Gate) -> None:
    asked = [Asking(segue, word, "--with", "read _ <gate; tail -n 1") for word in ("one", "two")]
    wait_until(lambda: len(messages(segued)) == 2)
    gate.open()
    gate.open()
    assert [asking.finish()[:2] for asking in asked] == [(0, b"one\n"), (0, b"two\n")]
    questions = {one["id"]: one["content"] for one in messages(segued) if one["role"] == "user"}
    replies = [one for one in messages(segued) if one["role"] == "assistant"]
    assert len({one["session_id"] for one in messages(segued)}) == 1
    assert sorted(one["content"] for one in replies) == ["one", "two"]
    assert all(questions[one["metadata"]["reply_to"]] == one["content"] for one in replies)


def test_a_model_need_not_read_what_it_is_given(segue: Cli) -> None:
    assert segue.ok("ask", "-", "--with", "exec <&-; echo done", stdin=b"x" * 2_000_000).out == "done\n"


def test_a_model_may_write_much_before_it_reads(segue: Cli) -> None:
    command = "head -c 1000000 /dev/zero | tr '\\0' x; wc -c"
    out = segue.ok("ask", "-", "--with", command, stdin=b"y" * 2_000_000).out
    assert out.strip("x").strip() == str(len("User:\n") + 2_000_000 + len("\n"))
    assert out.startswith("x" * 1_000_000)


def test_a_character_may_come_in_two_pieces(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", "printf 'caf\\303'; read _ <gate; printf '\\251'")
    asking.read_until(b"caf\xc3")
    gate.open()
    assert asking.finish() == (0, "café".encode(), "")
    assert messages(segued)[-1]["content"] == "café"


def test_bytes_that_are_no_text_pass_as_they_are_and_are_stored_with_a_mark(segue: Cli, segued: Segued) -> None:
    assert Asking(segue, "x", "--with", r"printf 'a\377b\303'").finish() == (0, b"a\xffb\xc3", "")
    assert messages(segued)[-1]["content"] == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    ("command", "code"), [("echo half; exit 7", 7), ("echo half; kill -KILL $$", 137), ("echo half; kill $$", 143)]
)
def test_a_failure_is_passed_on_and_what_came_is_stored(segue: Cli, segued: Segued, command: str, code: int) -> None:
    outcome = segue.run("ask", "x", "--with", command)
    assert (outcome.code, outcome.out) == (code, "half\n")
    assert f"exit status {code}" in outcome.err
    reply = messages(segued)[-1]
    assert (reply["content"], reply["stop_reason"], reply["metadata"]["exit_code"]) == ("half", "error", code)


@pytest.mark.parametrize(("command", "code"), [("true", 1), ("echo; echo", 1), ("no-such-model", 127), ("exit 9", 9)])
def test_an_empty_reply_is_a_failure_and_is_not_stored(segue: Cli, segued: Segued, command: str, code: int) -> None:
    outcome = segue.run("ask", "x", "--with", command)
    assert outcome.code == code
    assert "wrote no reply" in outcome.err
    assert contents(segued) == [("user", "x")]


def test_the_complaints_of_a_model_reach_stderr(segue: Cli, segued: Segued) -> None:
    outcome = segue.run("ask", "x", "--with", "echo careful >&2; echo fine")
    assert outcome == (0, "fine\n", "careful\n")
    assert messages(segued)[-1]["content"] == "fine"


def test_a_reply_without_end_is_stopped_at_the_limit_and_all_that_was_shown_is_stored(
    segue: Cli, segued: Segued
) -> None:
    segued.config.write_text("[limits]\ncontent_bytes = 200000\n")
    outcome = segue.run("ask", "x", "--with", "yes")
    assert outcome.code == 1
    assert "limits.content_bytes" in outcome.err
    reply = messages(segued)[-1]
    assert (reply["content"], reply["stop_reason"]) == (outcome.out.rstrip("\n"), "length")
    assert 190_000 < len(outcome.out) <= 200_000


def test_a_reply_near_the_limit_is_whole(segue: Cli, segued: Segued) -> None:
    reply = "x" * (8 * 1024 * 1024 - 1000)
    (segue.directory / "reply").write_text(reply)
    assert segue.ok("ask", "x", "--with", "cat reply").out == reply
    assert messages(segued)[-1]["content"] == reply


def test_a_reply_that_no_line_can_hold_is_stored_in_pieces(segue: Cli, segued: Segued) -> None:
    # Each NUL is six bytes in JSON: more than limits.request_bytes, though not more than limits.content_bytes.
    outcome = segue.run("ask", "x", "--with", "head -c 4000000 /dev/zero; echo end")
    assert (outcome.code, len(outcome.out), outcome.err) == (0, 4_000_004, "")
    reply = segued.connect().call("message.get", message_id=2)
    assert (reply["state"], reply["content"]) == ("complete", "\0" * 4_000_000 + "end")


def test_what_runs_on_in_the_background_with_our_output_is_ended(segue: Cli, segued: Segued) -> None:
    assert segue.ok("ask", "x", "--with", "sleep 1000 & echo $! >pid; echo done").out == "done\n"
    pid = int((segue.directory / "pid").read_text())
    wait_until(lambda: not is_alive(pid))


def test_what_runs_on_in_the_background_apart_is_left_alone(segue: Cli) -> None:
    segue.ok("ask", "x", "--with", "sleep 1000 >/dev/null 2>&1 & echo $! >pid; echo done")
    pid = int((segue.directory / "pid").read_text())
    assert is_alive(pid)
    os.kill(pid, 9)


def test_output_that_cannot_be_written_does_not_lose_the_reply(segue: Cli, segued: Segued) -> None:
    if Path("/dev/full").exists():
        outcome = segue.shell("segue ask x --with 'echo precious' </dev/null >/dev/full")
        assert outcome.code == 1
        assert "cannot show the reply" in outcome.err
        assert messages(segued)[-1]["content"] == "precious"


def test_any_number_of_descriptors_may_be_inherited(segue: Cli) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, before[1]), before[1]))
    with ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        for _ in range(1100):
            descriptor = os.open(os.devnull, os.O_RDONLY)
            opened.callback(os.close, descriptor)
            os.set_inheritable(descriptor, True)  # noqa: FBT003 - it takes no other
        asking = Asking(segue, "x", "--with", "tail -n 1", close_fds=False)
    assert asking.finish() == (0, b"x\n", "")


def test_nothing_of_ours_is_open_in_the_model(segue: Cli) -> None:
    command = "python3 -c \"import os; print(sorted(int(name) for name in os.listdir('/dev/fd'))[:-1])\""
    assert segue.ok("ask", "x", "--with", command).out == "[0, 1, 2]\n"


def test_the_help_shows_both_formats(unserved: Cli) -> None:
    text: Any = unserved.ok("ask", "--help").out
    assert '\n  text   "System:"' in text
    assert '\n  json   one line: [{"role":' in text


def test_what_escaped_and_writes_without_end_is_not_followed(segue: Cli, segued: Segued) -> None:
    escaped = "(setsid sh -c 'echo $$ >pid; while :; do echo more; sleep 0.2; done' &)"
    asking = Asking(segue, "x", "--with", f"{escaped}; echo done")
    code, out, err = asking.finish()
    assert (code, {*out.splitlines()}, err) == (0, {b"done", b"more"}, "")
    assert messages(segued)[-1]["stop_reason"] == "end"
    pid = int((segue.directory / "pid").read_text())
    wait_until(lambda: not is_alive(pid))  # of writing to nobody
