"""Throughput with a million stored messages beside an empty file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.corpus import fill
from tests.bench.peers.segue import Segue
from tests.bench.report.figures import Row, beyond
from tests.bench.report.progress import show_progress
from tests.bench.sides import Length, Turn
from tests.bench.turns import folder, measure_in_turns
from tests.support.process import Segued

MILLION = 1_000_000


class FilledSegue:
    """A segued with a filled file, the same file in every turn."""

    def __init__(self, home: Path, messages: int) -> None:
        self.name = f"segue with {messages} stored"
        self._home = home

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with Segue().open(self._home, clients) as turn:
            yield turn


def rows(messages: int, clients: int, length: Length, rounds: int) -> list[Row]:
    """Measure appends to a filled file. A million messages take minutes to create and 1.5 GB."""
    with folder() as home:
        segued = Segued(home)
        segued.config.parent.mkdir(parents=True, exist_ok=True)
        segued.config.write_text("[session]\nretention_days = 0\n")
        show_progress(f"making a file of {messages} messages")
        fill(segued.database, messages)
        grown, empty = measure_in_turns([FilledSegue(home, messages), Segue()], clients, length, rounds).values()
    what = f"append, {clients} clients, {messages} stored"
    return [beyond(what, grown.per_second, "an empty file", empty.per_second, "/s", 0.9, grown.spread)]
