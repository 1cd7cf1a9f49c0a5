"""A reply grows in the daemon while the model command writes it, and survives the end of `segue ask` and the daemon."""

import os
import signal
from typing import Any

from tests.process.asking import Asking, Gate, messages
from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued

SLOW = "printf 'begun\\n\\n'; read _ <gate; echo ended"


def reply(segued: Segued) -> tuple[Any, ...]:
    found = messages(segued)[-1]
    return found["role"], found["state"], found["content"]


def test_other_terminals_see_the_reply_grow(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW, "--model", "m")
    asking.read_until(b"begun\n")
    wait_until(lambda: reply(segued) == ("assistant", "streaming", "begun"))
    assert "[streaming]" in segue.ok("show").out
    gate.open()
    assert asking.finish() == (0, b"begun\n\nended\n", "")
    stored = messages(segued)[-1]
    assert (stored["state"], stored["content"], stored["model"]) == ("complete", "begun\n\nended", "m")
    assert (stored["stop_reason"], stored["metadata"]["exit_code"]) == ("end", 0)
    assert stored["response_ms"] > 0


def test_a_killed_ask_leaves_an_interrupted_reply(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW)
    asking.read_until(b"begun\n")
    wait_until(lambda: reply(segued)[2:] == ("begun",))
    asking.send(signal.SIGKILL)
    wait_until(lambda: reply(segued) == ("assistant", "interrupted", "begun"))
    assert "[interrupted]" in segue.ok("show").out
    gate.open()
    assert asking.finish()[0] == -signal.SIGKILL


def test_a_killed_daemon_has_all_but_the_last_second_and_then_the_whole(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW)
    asking.read_until(b"begun\n")
    wait_until(lambda: reply(segued)[2:] == ("begun",))
    segued.kill()
    segued.start()
    assert reply(segued) == ("assistant", "interrupted", "begun")
    gate.open()
    assert asking.finish()[:2] == (0, b"begun\n\nended\n")
    assert len(messages(segued)) == 2
    assert reply(segued) == ("assistant", "complete", "begun\n\nended")


def test_a_stopped_daemon_does_not_delay_the_output(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW)
    asking.read_until(b"begun\n")
    wait_until(lambda: reply(segued)[2:] == ("begun",))
    os.kill(segued.pid, signal.SIGSTOP)
    try:
        gate.open()
        asking.read_until(b"ended\n")  # The daemon continues only after this.
    finally:
        os.kill(segued.pid, signal.SIGCONT)
    assert asking.finish()[0] == 0
    assert reply(segued) == ("assistant", "complete", "begun\n\nended")
