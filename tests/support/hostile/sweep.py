"""Runs of many faults, as many as the time allows or all, by several workers."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from zlib import crc32

from tests.support.hostile.strace import Fault

LEAST = 12
"""Faults that run on a machine of any speed."""

Runner = Callable[[Fault], bool]
"""Runs the workload with a fault, and returns True if the fault happened."""


class Sweep:
    """The outcome of a run of many faults."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        """The number of faults that happened in each call."""
        self.failures: list[str] = []
        self._lock = threading.Lock()

    def run_all(self, faults: list[Fault], seconds: float, runners: Sequence[Runner]) -> None:
        """Run the faults in this order, as many as the time allows, on a thread for each runner."""
        end = monotonic() + seconds

        def wanted() -> Iterator[Fault]:
            for number, fault in enumerate(faults):
                if number < LEAST or monotonic() < end:
                    yield fault

        source, lock = wanted(), threading.Lock()

        def work(runner: Runner) -> None:
            while True:
                with lock:
                    fault = next(source, None)
                if fault is None:
                    return
                self._run(fault, runner)

        with ThreadPoolExecutor(len(runners)) as pool:
            for worker in [pool.submit(work, runner) for runner in runners]:
                worker.result()

    def check(self, faults: list[Fault]) -> None:
        """Fail with the failure of each fault, or if too few of FAULTS happened."""
        assert not self.failures, "\n".join(self.failures)
        assert self.hits.total() >= max(1, min(len(faults), LEAST) * 3 // 4), f"too few faults happened: {self.hits}"

    def _run(self, fault: Fault, runner: Runner) -> None:
        try:
            hit = runner(fault)
        except Exception as failure:  # noqa: BLE001 - the other faults run, and the test reports every failure
            hit = True
            with self._lock:
                self.failures.append(f"{fault}: {type(failure).__name__}: {str(failure)[-4000:]}")
        if hit:
            with self._lock:
                self.hits[fault.call] += 1


def select(faults: list[Fault], wanted: str, seed: int) -> list[Fault]:
    """Return the faults that `all`, `sample`, PART/PARTS or CALL:FAULT:NUMBER names.

    The part of a fault depends on its name alone: the parts make the whole even if two runs count different calls.
    """
    if wanted == "all":
        return faults
    if wanted == "sample":
        return _shuffled(faults, seed)
    if "/" in wanted:
        part, parts = map(int, wanted.split("/"))
        assert 1 <= part <= parts, f"--sweep={wanted}"
        return [fault for fault in faults if crc32(str(fault).encode()) % parts == part - 1]
    call, what, number = wanted.split(":")
    return [Fault(call, what, int(number.rstrip("+")), lasting=number.endswith("+"))]


def _shuffled(faults: list[Fault], seed: int) -> list[Fault]:
    """Return a shuffled order: first one place of each call and error, then a second one, and so on."""
    rng = random.Random(seed)
    rng.shuffle(faults)
    before: Counter[tuple[str, str]] = Counter()
    rounds: list[tuple[int, Fault]] = []
    for fault in faults:
        rounds.append((before[fault[:2]], fault))
        before[fault[:2]] += 1
    return [fault for _, fault in sorted(rounds, key=lambda pair: pair[0])]
