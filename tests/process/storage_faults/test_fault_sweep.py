"""Each system call of a scripted workload fails or is the last one: no answered write is lost, and no client hangs.

By default a sample: as many faults as `--sweep-seconds` allow, in the order of `--sweep-seed`.
`--sweep=all` injects every fault (an hour); `--sweep=2/4` injects the second of four parts of them;
`--sweep=fdatasync:EIO:7` injects one.
"""

import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from zlib import crc32

import pytest

from tests.support.counters import tried
from tests.support.hostile.script import Script
from tests.support.hostile.strace import CALLS, Fault, Traced

ERRORS = ("ENOSPC", "EIO", "EINTR")
MORE_ERRORS = {"openat": ("EMFILE",), "accept4": ("EMFILE", "ECONNABORTED")}
WORKERS = 2
LEAST = 12
"""Faults that run on a machine of any speed."""

INEVITABLE = ("pwrite64", "fdatasync", "openat", "rename", "unlink", "bind", "listen", "accept4", "sendto")
"""The calls that every run makes. The others depend on SQLite and the file system."""


def run_with(folder: Path, fault: Fault | None = None) -> tuple[Traced, bool]:
    """Run the workload with the fault, then check the database with a second daemon.

    Return the program and whether the fault happened.
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
    if code == 1 and not any("exiting for a restart" in line for line in segued.log):
        assert len(segued.log) == 1, segued.log
    segued.log.clear()  # the fault may be logged at ERROR; the second daemon may not log at ERROR
    segued.stop_tracing()
    with segued.start().connect() as wire:
        script.check(wire)
    segued.finish()
    return segued, killed or segued.injected() > 0


class Sweep:
    """A run of many faults and its outcome."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.hits: Counter[str] = Counter()
        """How many faults happened in each call."""
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def paths(self) -> dict[str, int]:
        """Return how often each call is made without faults."""
        counts = run_with(self._folder / "recorded")[0].counts()
        assert set(INEVITABLE) <= set(counts), counts
        return counts

    def run_all(self, faults: list[Fault], seconds: float) -> None:
        """Run the faults in this order, as many as the time allows."""
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
                self._run(fault)

        with ThreadPoolExecutor(WORKERS) as pool:
            for worker in [pool.submit(work) for _ in range(WORKERS)]:
                worker.result()

    def _run(self, fault: Fault) -> None:
        try:
            _, hit = run_with(self._folder / str(fault).replace(":", "-"), fault)
        except Exception as failure:  # noqa: BLE001 - the other faults run, and the test reports every failure
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


def chosen(faults: list[Fault], wanted: str) -> list[Fault]:
    """Return the faults that `all`, PART/PARTS or CALL:FAULT:NUMBER names.

    The part of a fault depends on its name alone: the parts make the whole even if two runs count different calls.
    """
    if wanted == "all":
        return faults
    if "/" in wanted:
        part, parts = map(int, wanted.split("/"))
        assert 1 <= part <= parts, f"--sweep={wanted}"
        return [fault for fault in faults if crc32(str(fault).encode()) % parts == part - 1]
    call, what, number = wanted.split(":")
    return [Fault(call, what, int(number))]


def sample(faults: list[Fault], seed: int) -> list[Fault]:
    """Return a shuffled order: first one place of each call and error, then a second one, and so on."""
    rng = random.Random(seed)
    rng.shuffle(faults)
    before: Counter[tuple[str, str]] = Counter()
    rounds: list[tuple[int, Fault]] = []
    for fault in faults:
        rounds.append((before[fault[:2]], fault))
        before[fault[:2]] += 1
    return [fault for _, fault in sorted(rounds, key=lambda pair: pair[0])]


def test_no_failing_system_call_loses_an_answered_write(
    tmp_path: Path, pytestconfig: pytest.Config, sweep_seconds: float
) -> None:
    wanted, seed = str(pytestconfig.getoption("--sweep")), int(pytestconfig.getoption("--sweep-seed"))
    sweep = Sweep(tmp_path)
    paths = sweep.paths()
    faults = every_fault(paths)
    faults = sample(faults, seed) if wanted == "sample" else chosen(faults, wanted)
    sweep.run_all(faults, sweep_seconds)
    print(f"seed {seed}; calls made: {paths}; faults that happened: {dict(sweep.hits)}")  # noqa: T201
    tried("system calls that failed or were the last, each followed by a restart", sweep.hits.total())
    assert not sweep.failures, f"seed {seed}: " + "\n".join(sweep.failures)
    assert sweep.hits.total() >= max(1, min(len(faults), LEAST) * 3 // 4), f"too few faults happened: {sweep.hits}"
