"""The interface of every measured system: its name, its presence, and how to open it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from tests.bench.report.figures import Load

Turn = Callable[["Length"], Load]
"""Measures an open system for a time."""


class Length(NamedTuple):
    """The length of a turn and of the warm-up before it."""

    seconds: float
    warm_up: float


class Side(Protocol):
    """A system that stores messages: each append is one insert and one update of its session, durable when answered.

    Each client has its own session. Sessions, tables and server exist before the turn.
    """

    name: str

    def missing(self) -> str | None:
        """Return the reason why the system cannot be measured here, or None."""

    def open(self, folder: Path, clients: int) -> AbstractContextManager[Turn]:
        """Serve an empty store in the folder until the context ends."""
