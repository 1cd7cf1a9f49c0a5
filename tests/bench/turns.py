"""Systems measured in turns, A B A B, each time with an empty store in its own folder."""

import os
import signal
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.report.figures import Figures, Load, summarize
from tests.bench.report.progress import show_progress
from tests.bench.sides import Length, Side


def measure_in_turns(sides: Sequence[Side], clients: int, length: Length, rounds: int) -> dict[str, Figures]:
    """Measure each system with a number of clients; return the figures by name."""
    loads: dict[str, list[Load]] = defaultdict(list)
    for _ in range(rounds):
        for side in sides:
            show_progress(f"{clients} × {side.name}")
            with folder() as place, side.open(place, clients) as turn:
                loads[side.name].append(turn(length))
    return {name: summarize(name, clients, turns) for name, turns in loads.items()}


@contextmanager
def stopped(pids: Sequence[int]) -> Iterator[None]:
    """Stop processes that are not measured, such as the other servers of a turn."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder for a store on the disk that holds temporary files."""
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        yield Path(path)
