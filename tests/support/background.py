"""Daemons that a client started: nobody's children, known by what they leave."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.process.cli import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued

READY = "segued: ready on"


class Background:
    """The daemons of one database that `segue` started, and their log."""

    def __init__(self, segued: Segued) -> None:
        self._segued = segued
        self.journal = segued.folder / ".local" / "state" / "segue" / "segued.log"

    @property
    def pid(self) -> int:
        """The daemon that has the database."""
        return int(self._segued.database.with_name(f"{self._segued.database.name}.lock").read_text())

    @property
    def starts(self) -> int:
        """How many daemons got ready so far."""
        return self.journal.read_text().count(READY) if self.journal.exists() else 0

    def is_gone(self) -> bool:
        """Whether nobody has the database."""
        return is_free(self._segued.database)

    def finish(self) -> None:
        """End the one that still runs, and hand its log over to be looked at."""
        if not self.is_gone():
            os.kill(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGTERM)
            wait_until(self.is_gone)
        if self.journal.is_file():
            self._segued.log += self.journal.read_text().splitlines(keepends=True)


def is_free(database: Path) -> bool:
    """Whether the lock of the database is held by nobody."""
    with suppress(FileNotFoundError):
        lock = os.open(f"{database}.lock", os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(lock)
    return True


@contextmanager
def unattended(segued: Segued, cli: Cli) -> Iterator[tuple[Cli, Background]]:
    """`segue` that may start a daemon, and what it started, which is ended with the block."""
    background = Background(segued)
    try:
        yield cli.given(SEGUE_NO_AUTOSTART=""), background
    finally:
        background.finish()
