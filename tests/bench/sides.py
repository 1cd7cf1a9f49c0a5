"""What every measured system has: a name, whether it is there, and how to open it for so many clients."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.bench.report.figures import Load

Turn = Callable[["Length"], Load]
"""Measures an open system for a while."""


class Length(NamedTuple):
    """How long a turn is, after a warm-up that does not count."""

    seconds: float
    warm_up: float


class Side(Protocol):
    """A system that stores messages: each append is one insert and one update of its session, durable when answered.

    Each client has a session of its own, which is there before the turn, as the tables and the server are.
    """

    name: str

    def missing(self) -> str | None:
        """Why it cannot be measured here."""

    def open(self, folder: Path, clients: int) -> AbstractContextManager[Turn]:
        """Serve an empty store in the folder, for the length of the context."""
