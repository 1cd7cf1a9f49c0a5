"""What the model command of `segue ask` may do: its output, its failures, and the processes that it leaves behind."""

import os
import resource
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process.asking import Asking, Gate, contents, is_alive, messages
from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued


def test_two_concurrent_questions_do_not_mix(segue: Cli, segued: Segued, gate: Gate) -> None:
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


def test_a_background_process_that_holds_the_output_is_ended(segue: Cli, segued: Segued) -> None:
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


def test_the_model_inherits_no_open_file(segue: Cli) -> None:
    command = "python3 -c \"import os; print(sorted(int(name) for name in os.listdir('/dev/fd'))[:-1])\""
    assert segue.ok("ask", "x", "--with", command).out == "[0, 1, 2]\n"


def test_what_escaped_and_writes_without_end_is_not_followed(segue: Cli, segued: Segued) -> None:
    escaped = "(setsid sh -c 'echo $$ >pid; while :; do echo more; sleep 0.2; done' &)"
    asking = Asking(segue, "x", "--with", f"{escaped}; echo done")
    code, out, err = asking.finish()
    assert (code, {*out.splitlines()}, err) == (0, {b"done", b"more"}, "")
    assert messages(segued)[-1]["stop_reason"] == "end"
    pid = int((segue.directory / "pid").read_text())
    wait_until(lambda: not is_alive(pid))  # of writing to a closed pipe
