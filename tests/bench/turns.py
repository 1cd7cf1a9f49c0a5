"""Sides measured in turns, A B A B, each time with an empty store in a folder of its own."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.report.figures import Figures, Load, summed_up
from tests.bench.report.progress import tell
from tests.bench.sides import Length, Side


def in_turns(sides: Sequence[Side], clients: int, length: Length, rounds: int) -> dict[str, Figures]:
    """What each side does under so many clients, by its name."""
    loads: dict[str, list[Load]] = defaultdict(list)
    for _ in range(rounds):
        for side in sides:
            tell(f"{clients} × {side.name}")
            with folder() as place, side.open(place, clients) as turn:
                loads[side.name].append(turn(length))
    return {name: summed_up(name, clients, turns) for name, turns in loads.items()}


@contextmanager
def folder() -> Iterator[Path]:
    """A place for a store, on the disk where temporary files are."""
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        yield Path(path)
