"""What a running `segued` holds, seen from outside and as it says itself."""

from pathlib import Path
from typing import NamedTuple

from tests.support.process import Segued
from tests.support.wire import Wire


class Usage(NamedTuple):
    """All that must go back to what it was once those who caused it are gone."""

    clients: int
    subscriptions: int
    waiting_writes: int
    tasks: int
    descriptors: int
    threads: int


def usage(segued: Segued, watcher: Wire) -> Usage:
    """What it holds now, the watcher among it.

    The database's descriptors are left out: SQLite opens them for a reader when that is first used.
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


def _of_process(segued: Segued) -> tuple[int, int]:
    """Open descriptors and threads; on macOS, which has no such view, it is enough that the daemon lives."""
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
    """Memory the process has now, or with `VmHWM` the most it ever had; 0 where there is no /proc."""
    path = Path(f"/proc/{segued.pid}/status")
    if not path.exists():
        return 0
    return int(next(line for line in path.read_text().splitlines() if line.startswith(f"{of}:")).split()[1]) * 1024
