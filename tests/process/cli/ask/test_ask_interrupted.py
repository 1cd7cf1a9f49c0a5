import os
import signal
import subprocess

import pytest

from tests.process.asking import Asking, Gate, is_alive, messages
from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS

ENDLESS = "sleep 1000 & echo $! >pid; echo begun; wait; sleep 1000"
DEAF = "trap '' INT TERM HUP; echo $$ >pid; echo begun; while :; do sleep 1; done"


def pid_of_model(segue: Cli) -> int:
    return int((segue.directory / "pid").read_text())


def check_interrupted(segue: Cli, segued: Segued, code: int) -> None:
    """Check that what came is stored and marked, and that nothing of the model runs on."""
    wait_until(lambda: not is_alive(pid_of_model(segue)))
    reply = messages(segued)[-1]
    assert (reply["role"], reply["content"], reply["stop_reason"]) == ("assistant", "begun", "interrupted")
    assert reply["metadata"]["exit_code"] == code


@pytest.mark.parametrize(
    ("command", "number"),
    [(ENDLESS, signal.SIGINT), (ENDLESS, signal.SIGTERM), (ENDLESS, signal.SIGHUP), (DEAF, signal.SIGTERM)],
)
def test_a_signal_ends_the_model_and_keeps_what_came(
    segue: Cli, segued: Segued, command: str, number: signal.Signals
) -> None:
    asking = Asking(segue, "x", "--with", command)
    asking.read_until(b"begun\n")
    asking.send(number)
    assert asking.finish() == (128 + number, b"begun\n", "segue: interrupted\n")
    check_interrupted(segue, segued, 128 + number)


def test_a_second_signal_does_not_wait_for_a_deaf_model(segue: Cli, segued: Segued) -> None:
    asking = Asking(segue, "x", "--with", DEAF)
    asking.read_until(b"begun\n")
    asking.send(signal.SIGINT)
    asking.send(signal.SIGTERM)
    assert asking.finish()[0] in (130, 143)
    assert messages(segued)[-1]["stop_reason"] == "interrupted"
    wait_until(lambda: not is_alive(pid_of_model(segue)))


def test_the_last_words_of_a_model_that_gets_a_signal_are_kept(segue: Cli, segued: Segued) -> None:
    asking = Asking(segue, "x", "--with", "trap 'echo bye; exit 0' TERM; echo begun; sleep 1000 & wait")
    asking.read_until(b"begun\n")
    asking.send(signal.SIGTERM)
    assert asking.finish()[:2] == (143, b"begun\nbye\n")
    assert messages(segued)[-1]["content"] == "begun\nbye"


def test_an_interrupt_before_the_first_word_leaves_the_question_alone(segue: Cli, segued: Segued) -> None:
    asking = Asking(segue, "x", "--with", "echo here >began; sleep 1000")
    wait_until((segue.directory / "began").exists)
    asking.send(signal.SIGINT)
    code, out, err = asking.finish()
    assert (code, out) == (130, b"")
    assert "interrupted" in err
    assert [one["role"] for one in messages(segued)] == ["user"]


def test_a_terminal_shows_the_reply_while_it_comes(segue: Cli, segued: Segued, gate: Gate) -> None:
    terminal = segue.terminal("ask", "x", "--with", "printf one; read _ <gate; printf two")
    terminal.read_until("one")
    wait_until(lambda: [(one["content"], one["state"]) for one in messages(segued)][1:] == [("one", "streaming")])
    gate.open()
    assert terminal.finish() == (0, "onetwo\n")
    assert [(one["content"], one["state"]) for one in messages(segued)][1:] == [("onetwo", "complete")]


def test_control_c_on_a_terminal_ends_the_model(segue: Cli, segued: Segued) -> None:
    terminal = segue.terminal("ask", "x", "--with", ENDLESS)
    terminal.read_until("begun")
    terminal.type("\x03")
    code, screen = terminal.finish()
    assert code == 130
    assert "segue: interrupted" in screen
    assert "Traceback" not in screen
    check_interrupted(segue, segued, 130)


def test_a_terminal_that_is_closed_ends_the_model(segue: Cli, segued: Segued) -> None:
    terminal = segue.terminal("ask", "x", "--with", ENDLESS)
    terminal.read_until("begun")
    assert terminal.hang_up() == 129
    check_interrupted(segue, segued, 129)


def test_under_nohup_a_terminal_may_be_closed(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(
        segue,
        "x",
        "--with",
        "echo begun; read _ <gate; echo ended",
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    asking.read_until(b"begun\n")
    asking.send(signal.SIGHUP)
    gate.open()
    assert asking.finish() == (0, b"begun\nended\n", "")


def test_a_reader_that_has_enough_ends_the_model(segue: Cli, segued: Segued) -> None:
    command = "echo $$ >pid; while :; do echo begun; done"
    outcome = segue.shell(f"( segue ask x --with '{command}'; echo $? >&2 ) | head -n 1")
    assert outcome == (0, "begun\n", "141\n")
    wait_until(lambda: not is_alive(pid_of_model(segue)))
    reply = messages(segued)[-1]
    assert reply["stop_reason"] == "interrupted"
    assert set(reply["content"].splitlines()) == {"begun"}


def test_a_reader_that_does_not_read_cannot_hold_up_a_signal(segue: Cli, segued: Segued) -> None:
    asking = Asking(segue, "x", "--with", "echo $$ >pid; exec yes")
    asking.read_until(b"y\n")
    asking.send(signal.SIGTERM)
    assert asking.process.wait(TIMEOUT_SECONDS) == 143
    asking.finish()
    wait_until(lambda: not is_alive(pid_of_model(segue)))
    assert messages(segued)[-1]["stop_reason"] == "interrupted"


def test_a_signal_to_the_pipeline_spares_who_stands_beside(segue: Cli, segued: Segued) -> None:
    asking = Asking(segue, "x", "--with", ENDLESS, start_new_session=True)
    asking.read_until(b"begun\n")
    group = os.getpgid(asking.process.pid)
    beside = subprocess.Popen(["sleep", "1000"], process_group=0)
    os.killpg(group, signal.SIGINT)
    assert asking.finish()[0] == 130
    assert beside.poll() is None
    beside.kill()
    beside.wait()
