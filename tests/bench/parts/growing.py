"""Throughput with a million messages stored beside an empty file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.corpus import fill
from tests.bench.peers.segue import Segue
from tests.bench.report.figures import Row, beyond
from tests.bench.report.progress import tell
from tests.bench.sides import Length, Turn
from tests.bench.turns import folder, in_turns
from tests.support.process import Segued

MILLION = 1_000_000


class Grown:
    """segued with a file that is filled beforehand, the same one in every turn."""

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
    """Appends with so many stored; made by `corpus.py`, which takes minutes and a gigabyte and a half for a million."""
    with folder() as home:
        segued = Segued(home)
        segued.config.parent.mkdir(parents=True, exist_ok=True)
        segued.config.write_text("[session]\nretention_days = 0\n")
        tell(f"making a file of {messages} messages")
        fill(segued.database, messages)
        grown, empty = in_turns([Grown(home, messages), Segue()], clients, length, rounds).values()
    what = f"append, {clients} clients, {messages} stored"
    return [beyond(what, grown.per_second, "an empty file", empty.per_second, "/s", 0.8)]
