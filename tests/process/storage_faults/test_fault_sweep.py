"""One system call of a scripted work load fails or is the last, for each call: nothing answered is lost, nobody hangs.

By default a sample: as many places as `--sweep-seconds` allow, in an order that `--sweep-seed` gives.
`--sweep=all` tries every place of every call (an hour); `--sweep=fdatasync:EIO:7` tries one.
"""

import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from tests.support.counters import tried
from tests.support.hostile.script import Script
from tests.support.hostile.strace import CALLS, Fault, Traced

ERRORS = ("ENOSPC", "EIO", "EINTR")
MORE_ERRORS = {"openat": ("EMFILE",), "accept4": ("EMFILE", "ECONNABORTED")}
AT_ONCE = 2
LEAST = 12
"""Faults that are tried however slow the machine is."""

INEVITABLE = ("pwrite64", "fdatasync", "openat", "rename", "unlink", "bind", "listen", "accept4", "sendto")
"""Without these nobody can be served; the others depend on the SQLite and on the file system."""


def live(folder: Path, fault: Fault | None = None) -> tuple[Traced, bool]:
    """One life with the fault, and after it one without help, in which all that was answered is found.

    Returns the program and whether the fault happened.
    """
    folder.mkdir()
    segued = Traced(folder, fault)
    segued.trace_next()
    segued.launch(start_new_session=True)
    script = Script(segued.connect)
    try:
        segued.wait_end_of_start()
        script.run()
        code = segued.wait()
    finally:
        script.close()
        segued.kill_group()
    assert fault or code == 0, segued.log
    killed = fault is not None and fault.what == "KILL" and code == -signal.SIGKILL
    assert killed or code in (0, 1), f"exit {code}"
    assert not any("Traceback" in line for line in segued.log), "".join(segued.log)
    if code == 1 and "I/O error in COMMIT" not in segued.log[-1]:
        assert len(segued.log) == 1, segued.log
    segued.log.clear()  # a fault may be told at ERROR; from here on nothing may be
    segued.trace_no_more()
    with segued.start().connect() as wire:
        script.check(wire)
    segued.finish()
    return segued, killed or segued.injected() > 0


class Sweep:
    """The places of all faults, those of them that are tried, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hits: Counter[str] = Counter()
        """For each call how many faults there really happened."""
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def paths(self) -> dict[str, int]:
        """How often each call is made in a life without faults."""
        counts = live(self._folder / "recorded")[0].counts()
        assert set(INEVITABLE) <= set(counts), counts
        return counts

    def try_all(self, faults: list[Fault], seconds: float) -> None:
        """Try the faults in this order, as many as the time allows."""
        end = monotonic() + seconds

        def wanted() -> Iterator[Fault]:
            for number, fault in enumerate(faults):
                if number < LEAST or monotonic() < end:
                    yield fault

        source, lock = wanted(), threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    fault = next(source, None)
                if fault is None:
                    return
                self._try(fault)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for worker in [pool.submit(work) for _ in range(AT_ONCE)]:
                worker.result()

    def _try(self, fault: Fault) -> None:
        try:
            _, hit = live(self._folder / str(fault).replace(":", "-"), fault)
        except Exception as failure:  # noqa: BLE001 - the others are tried all the same, and all are told
            hit = True
            with self._lock:
                self.failures.append(f"{fault}: {type(failure).__name__}: {str(failure)[:2000]}")
        if hit:
            with self._lock:
                self.hits[fault.call] += 1


def every_fault(paths: dict[str, int]) -> list[Fault]:
    return [
        Fault(call, what, number)
        for call in CALLS
        for what in (*ERRORS, *MORE_ERRORS.get(call, ()), "KILL")
        for number in range(1, paths.get(call, 0) + 1)
    ]


def sample(faults: list[Fault], seed: int) -> list[Fault]:
    """All in another order: first one place for each call and each fault, then a second one, and so on."""
    dice = random.Random(seed)
    dice.shuffle(faults)
    before: Counter[tuple[str, str]] = Counter()
    rounds: list[tuple[int, Fault]] = []
    for fault in faults:
        rounds.append((before[fault[:2]], fault))
        before[fault[:2]] += 1
    return [fault for _, fault in sorted(rounds, key=lambda pair: pair[0])]


def test_no_failing_system_call_loses_what_was_answered(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    wanted, seed = str(pytestconfig.getoption("--sweep")), int(pytestconfig.getoption("--sweep-seed"))
    sweep = Sweep(tmp_path)
    paths = sweep.paths()
    faults, seconds = every_fault(paths), float("inf")
    if wanted == "sample":
        faults, seconds = sample(faults, seed), float(pytestconfig.getoption("--sweep-seconds"))
    elif wanted != "all":
        call, what, number = wanted.split(":")
        faults = [Fault(call, what, int(number))]
    sweep.try_all(faults, seconds)
    print(f"seed {seed}; calls made: {paths}; faults that happened: {dict(sweep.hits)}")  # noqa: T201
    tried("system calls that failed or were the last, each followed by a restart", sweep.hits.total())
    assert not sweep.failures, f"seed {seed}: " + "\n".join(sweep.failures)
    assert sweep.hits.total() >= max(1, min(len(faults), LEAST) * 3 // 4), f"too few faults happened: {sweep.hits}"
