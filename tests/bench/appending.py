"""Appends of every system at every number of clients, in turns: A B C A B C."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.figures import Figures, Load, Row, beyond, summed_up, within
from tests.bench.peers.postgres import Postgres
from tests.bench.peers.redis import Redis
from tests.bench.peers.segue import Segue
from tests.bench.peers.sqlite import Sqlite
from tests.bench.progress import tell
from tests.bench.sides import Length, Side

OURS = Segue.name
KEPT = Sqlite(anew=False)
SIDES: list[Side] = [Segue(), KEPT, Sqlite(anew=True), Postgres(), Redis()]


def measure(sides: list[Side], clients: list[int], length: Length, rounds: int) -> list[Figures]:
    """Each side under each number of clients, `rounds` times in turn, with an empty file each time."""
    turns: dict[tuple[int, str], list[Load]] = defaultdict(list)
    for number in clients:
        for _ in range(rounds):
            for side in sides:
                tell(f"append: {side.name}, {number} clients")
                with folder() as place, side.open(place, number) as turn:
                    turns[number, side.name].append(turn(length))
    return [summed_up(name, number, loads) for (number, name), loads in turns.items()]


@contextmanager
def folder() -> Iterator[Path]:
    """A place for a store, on the disk where temporary files are."""
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        yield Path(path)


def rows(figures: list[Figures]) -> list[Row]:
    """What is wanted of the appends."""
    found: list[Row] = []
    by_name = {(one.system, one.clients): one for one in figures}
    most = max(one.clients for one in figures)
    ours = None if most == 1 else by_name.get((OURS, most))
    if ours and (theirs := by_name.get((Postgres.name, most))):
        what = f"append, {most} clients"
        found.append(beyond(what, ours.per_second, theirs.system, theirs.per_second, "/s", 1.3))
    if ours and (theirs := by_name.get((KEPT.name, most))):
        found += _against_sqlite(ours, theirs)
    if (ours := by_name.get((OURS, 1))) and (theirs := by_name.get((KEPT.name, 1))):
        what = "append, 1 client, p50 against one commit in process"
        found.append(within(what, ours.p50, "sqlite3", theirs.p50, "ms", 2.5))
    return found


def _against_sqlite(ours: Figures, theirs: Figures) -> list[Row]:
    what = f"append, {ours.clients} clients"
    return [
        beyond(what, ours.per_second, theirs.system, theirs.per_second, "/s", 4),
        within(f"{what}, p99", ours.p99, theirs.system, theirs.p99, "ms", 1 / 20),
        within(f"{what}, longest", ours.longest, theirs.system, theirs.longest, "ms", 1 / 20),
    ]
