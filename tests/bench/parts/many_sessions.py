"""Lists, searches and resolves with 100 000 sessions beside 1 000."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.corpus import Language, directory, fill
from tests.bench.peers.segue import request, serving, turn
from tests.bench.report.figures import Row
from tests.bench.report.progress import show_progress
from tests.bench.sides import Length, Turn
from tests.bench.turns import folder, measure_in_turns
from tests.support.process import Segued

MANY = 100_000
FEW = 1_000
MESSAGES = 2
"""Messages of a session: enough for names and previews."""


class FilledRequest:
    """A segued with a filled file and one repeated request, the same file in every turn."""

    def __init__(self, home: Path, sessions: int, method: str, params: dict[str, Any]) -> None:
        self.name = f"{sessions} sessions"
        self._home = home
        self._line = request(method, **params)

    def missing(self) -> str | None:
        return None

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        with serving(self._home) as segued:
            yield turn(segued, [[self._line]] * clients)


def rows(length: Length, rounds: int, many: int = MANY) -> list[Row]:
    """Measure one client. The large file takes a minute to create and 0.3 GB."""
    with folder() as large, folder() as small:
        homes = {small: FEW, large: many}
        languages = [_fill(home, sessions) for home, sessions in homes.items()]
        found = []
        for what, method, params in _requests(languages[-1]):
            show_progress(what)
            sides = [FilledRequest(home, sessions, method, params) for home, sessions in homes.items()]
            theirs, ours = measure_in_turns(sides, 1, length, rounds).values()
            what = f"{what}, {many} sessions, p50"
            found.append(Row(what, ours.p50, theirs.system, theirs.p50, "ms", spread=ours.spread))
    return found


def _fill(home: Path, sessions: int) -> Language:
    segued = Segued(home)
    segued.config.write_text("[session]\nretention_days = 0\n")
    show_progress(f"making a file of {sessions} sessions")
    return fill(segued.database, sessions * MESSAGES, MESSAGES)


def _requests(language: Language) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what each request is, its method and its parameters."""
    common, rare = language.words[0], language.words[2000]
    return [
        ("session.list", "session.list", {}),
        ("session.list by updated_at", "session.list", {"order_by": "updated_at"}),
        ("session.list of a rare name", "session.list", {"name_contains": rare}),
        ("session.list of a directory", "session.list", {"working_dir": directory(0)}),
        ("session.resolve", "session.resolve", {"working_dir": directory(0)}),
        ("message.search of a frequent word", "message.search", {"query": common}),
        ("message.search of a rare word", "message.search", {"query": rare}),
    ]
