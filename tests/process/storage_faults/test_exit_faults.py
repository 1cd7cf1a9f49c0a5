"""Each system call of the exit fails or is the last one: every answered write is stored, and the next start is clean.

strace attaches to the daemon before the signal, so the numbers of the calls count from there. By default a sample, in
half of `--sweep-seconds`. `--sweep=all` injects every fault, `--sweep=2/4` the second of four parts of them,
`--sweep=fcntl:EIO:7` one, and `--sweep=fcntl:EIO:7+` breaks all calls from the seventh on.
"""

import json
import signal
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.support.counters import ANSWERED, FAULTS, tried
from tests.support.hostile.strace import EXIT_CALLS, Attached, Fault
from tests.support.hostile.sweep import Sweep, select
from tests.support.process import Segued
from tests.support.wire import Wire

WORKERS = 2
WRITING = ("pwrite64", "ftruncate", "openat")
STEP = 5
"""Each so many calls the disk breaks for good."""

UNANSWERED = 4
"""Appends that are sent immediately before the signal, so that the exit commits them."""


class Exits:
    """Daemons that serve one database one after the other, each of which exits with a fault."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        self._segued: Segued | None = None
        self.answered = 0
        """Answered writes that the next daemon had."""

    def run(self, fault: Fault | None = None) -> Attached:
        """Let the running daemon exit with the fault, then check the database with the next daemon."""
        try:
            if self._segued is None:
                self._segued = Segued(self._folder / str(next(self._numbers)))
                self._segued.start()
            return self._run(self._segued, fault)
        except BaseException:
            self.close()
            raise

    def happens(self, fault: Fault) -> bool:
        """Do the same, and return True if the fault happened."""
        return self.run(fault).injected() > 0

    def _run(self, segued: Segued, fault: Fault | None) -> Attached:
        session = f"s{next(self._numbers)}"
        with segued.connect() as wire:
            before = self._write(wire, session)
            attached = Attached(segued, self._folder / f"{session}.trace", fault)
            requests: list[int] = []
            try:
                with suppress(BrokenPipeError):  # The fault may kill the daemon before it has received all.
                    for number in range(UNANSWERED):
                        content = f"late {number}"
                        requests.append(wire.post("message.append", session_id=session, role="user", content=content))
                assert segued.process is not None
                segued.process.send_signal(signal.SIGTERM)
                answers = _answers(wire)
                code = segued.wait()
            finally:
                if segued.process is not None and segued.process.poll() is None:
                    segued.process.kill()
                attached.close()
        check_end(segued, fault, code)
        late = {answers[id]["result"]["message_id"] for id in requests if "result" in answers.get(id, {})}
        segued.log.clear()
        with segued.start().connect() as wire:
            held = {message["id"] for message in wire.call("message.list", session_id=session)["messages"]}
            assert {*before, *late} <= held, "lost"
            assert len(held) <= len(before) + UNANSWERED, "stored twice"
            assert wire.call("session.get", session_id=session)["status"] in ("active", "idle", "crashed"), "status"
            assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
            wire.call("session.delete", session_id=session)
        assert not any(" ERROR " in line for line in segued.log), segued.log
        self.answered += len(before) + len(late)
        return attached

    def _write(self, wire: Wire, session: str) -> list[int]:
        """Write what the exit has work with: an attached session, an open stream, and a WAL. Return the messages."""
        wire.call("session.create", id=session)
        wire.call("session.attach", session_id=session)
        sizes = (10, 9000, 200)
        ids = [
            wire.call("message.append", session_id=session, role="user", content="x" * size)["message_id"]
            for size in sizes
        ]
        stream = wire.call("message.begin", session_id=session, role="assistant")["message_id"]
        delta = {"jsonrpc": "2.0", "method": "message.delta", "params": {"message_id": stream, "text": "streamed"}}
        wire.send(json.dumps(delta).encode() + b"\n")
        wire.call("daemon.ping")
        return [*ids, stream]

    def close(self) -> None:
        """Kill the running daemon; the next one has a new folder."""
        segued, self._segued = self._segued, None
        if segued is not None and segued.process is not None:
            segued.process.kill()
            segued.wait()

    def finish(self) -> None:
        """Stop the running daemon and check its files."""
        if self._segued is not None:
            self._segued.finish()


def check_end(segued: Segued, fault: Fault | None, code: int) -> None:
    """Fail if the daemon did not exit cleanly or with the reason in its log."""
    log = "".join(segued.log)
    assert fault or code == 0, log
    killed = fault is not None and fault.what == "KILL" and code == -signal.SIGKILL
    assert killed or code in (0, 1), f"exit {code}: {log}"
    assert "Traceback" not in log, log
    assert code != 1 or "exiting for a restart" in log, log


def _answers(wire: Wire) -> dict[int, dict[str, Any]]:
    """Return the answers until the end of the stream by their request."""
    answers = {}
    with suppress(OSError, EOFError):
        while answer := wire.answer():
            answers[answer["id"]] = answer
    return answers


def every_fault(counts: dict[str, int]) -> list[Fault]:
    """Return each fault of each call, and some of a disk that stays broken from a call on."""
    errors = [(call, what) for call in EXIT_CALLS for what in ("EIO", *(["ENOSPC"] if call in WRITING else []))]
    kills = [(call, "KILL") for call in EXIT_CALLS]
    once = [Fault(*pair, number) for pair in [*errors, *kills] for number in range(1, counts.get(pair[0], 0) + 1)]
    lasting = [
        Fault(*pair, number, lasting=True) for pair in errors for number in range(1, counts.get(pair[0], 0) + 1, STEP)
    ]
    return once + lasting


def test_no_failing_system_call_of_the_exit_loses_an_answered_write(
    tmp_path: Path, pytestconfig: pytest.Config, sweep_seconds: float
) -> None:
    wanted, seed = str(pytestconfig.getoption("--sweep")), int(pytestconfig.getoption("--sweep-seed"))
    folders = [tmp_path / str(number) for number in range(WORKERS)]
    for folder in folders:
        folder.mkdir()
    chains = [Exits(folder) for folder in folders]
    sweep = Sweep()
    try:
        counts = chains[0].run().counts()
        assert {"pwrite64", "fdatasync", "ftruncate", "unlink", "fcntl"} <= set(counts), counts
        faults = select(every_fault(counts), wanted, seed)

        sweep.run_all(faults, sweep_seconds / 2, [chain.happens for chain in chains])
        for chain in chains:
            chain.finish()
    finally:
        for chain in chains:
            chain.close()
    print(f"seed {seed}; calls made: {counts}; faults that happened: {dict(sweep.hits)}")  # noqa: T201
    tried(FAULTS, sweep.hits.total())
    tried(ANSWERED, sum(chain.answered for chain in chains))
    sweep.check(faults)
