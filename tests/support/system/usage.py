"""The resources of a running `segued`, from /proc and from `daemon.status`."""

from pathlib import Path
from typing import NamedTuple

from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import Wire


class Usage(NamedTuple):
    """Resources that must return to their former number when their clients have left."""

    clients: int
    subscriptions: int
    waiting_writes: int
    tasks: int
    descriptors: int
    threads: int


def usage(segued: Segued, watcher: Wire) -> Usage:
    """Return the current numbers, which include the watcher.

    Descriptors of the database do not count, because SQLite opens them when a reader is first used.
    """
    status = watcher.call("daemon.status")
    descriptors, threads = _of_process(segued)
    return Usage(
        status["clients"],
        status["subscriptions"],
        status["queue_depth"],
        status["process"]["tasks"],
        descriptors,
        threads,
    )


def idle_usage(segued: Segued, watcher: Wire) -> Usage:
    """Return the usage of the idle daemon: equal in three samples, because a file may be open for a moment."""
    samples = [usage(segued, watcher) for _ in range(3)]

    def is_steady() -> bool:
        samples[:] = [*samples[1:], usage(segued, watcher)]
        return samples[0] == samples[1] == samples[2]

    wait_until(is_steady)
    return samples[0]


def is_released(now: Usage, before: Usage) -> bool:
    """Return True if exactly as much is held as before, except of tasks and threads.

    Tasks may be fewer, because some of the start end later. A thread of anyio's pool stays until the pool is used again
    ten seconds later.
    """
    is_equal = now._replace(tasks=before.tasks, threads=before.threads) == before
    return is_equal and now.tasks <= before.tasks and now.threads <= before.threads + 1


def _of_process(segued: Segued) -> tuple[int, int]:
    """Return the numbers of open descriptors and threads, or 0 and 0 without /proc, as on macOS."""
    process = Path("/proc") / str(segued.pid)
    if not process.exists():
        return 0, 0
    links = [_target(link) for link in (process / "fd").iterdir()]
    return sum(not link.startswith(str(segued.database)) for link in links), len(list((process / "task").iterdir()))


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed since the listing
        return "closed meanwhile"


def memory_bytes(segued: Segued, of: str = "VmRSS") -> int:
    """Return the bytes of memory, or with `VmHWM` their maximum; 0 without /proc."""
    path = Path(f"/proc/{segued.pid}/status")
    if not path.exists():
        return 0
    return int(next(line for line in path.read_text().splitlines() if line.startswith(f"{of}:")).split()[1]) * 1024


def cpu_seconds(segued: Segued) -> float:
    """Return the seconds for which the threads of the daemon have run; 0 without /proc."""
    return sum(map(_run_nanoseconds, Path(f"/proc/{segued.pid}/task").glob("*/schedstat"))) / 1e9


def _run_nanoseconds(schedstat: Path) -> int:
    try:
        return int(schedstat.read_text().split()[0])
    except OSError:  # The thread has ended since the listing.
        return 0
