"""Each system call of a scripted workload fails or is the last one: no answered write is lost, and no client hangs.

By default a sample: as many faults as `--sweep-seconds` allow, in the order of `--sweep-seed`.
`--sweep=all` injects every fault (an hour); `--sweep=2/4` injects the second of four parts of them;
`--sweep=fdatasync:EIO:7` injects one.
"""

import signal
from pathlib import Path

import pytest

from tests.support.counters import FAULTS, tried
from tests.support.hostile.script import Script
from tests.support.hostile.strace import CALLS, Fault, Traced
from tests.support.hostile.sweep import Sweep, select

ERRORS = ("ENOSPC", "EIO", "EINTR")
MORE_ERRORS = {"openat": ("EMFILE",), "accept4": ("EMFILE", "ECONNABORTED")}
WORKERS = 2

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


def paths(folder: Path) -> dict[str, int]:
    """Return how often each call is made without faults."""
    counts = run_with(folder)[0].counts()
    assert set(INEVITABLE) <= set(counts), counts
    return counts


def every_fault(paths: dict[str, int]) -> list[Fault]:
    return [
        Fault(call, what, number)
        for call in CALLS
        for what in (*ERRORS, *MORE_ERRORS.get(call, ()), "KILL")
        for number in range(1, paths.get(call, 0) + 1)
    ]


def test_no_failing_system_call_loses_an_answered_write(
    tmp_path: Path, pytestconfig: pytest.Config, sweep_seconds: float
) -> None:
    wanted, seed = str(pytestconfig.getoption("--sweep")), int(pytestconfig.getoption("--sweep-seed"))
    counts = paths(tmp_path / "recorded")
    faults = select(every_fault(counts), wanted, seed)
    sweep = Sweep()

    def run(fault: Fault) -> bool:
        return run_with(tmp_path / str(fault).replace(":", "-"), fault)[1]

    sweep.run_all(faults, sweep_seconds, [run] * WORKERS)
    print(f"seed {seed}; calls made: {counts}; faults that happened: {dict(sweep.hits)}")  # noqa: T201
    tried(FAULTS, sweep.hits.total())
    sweep.check(faults)
