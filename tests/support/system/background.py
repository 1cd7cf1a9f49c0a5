"""Daemons that a client started. They are no children of the test, so their files identify them."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.process.command_line import Cli
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
        """Return the process ID of the daemon that holds the lock."""
        return int(self._segued.database.with_name(f"{self._segued.database.name}.lock").read_text())

    @property
    def starts(self) -> int:
        """Return the number of ready lines in the log."""
        return self.journal.read_text().count(READY) if self.journal.exists() else 0

    def is_gone(self) -> bool:
        """Return True if no daemon holds the lock."""
        return is_free(self._segued.database)

    def finish(self) -> None:
        """Stop all daemons, also those that still start, and add their log to that of `segued`."""
        told: set[int] = set()
        wait_until(lambda: self._has_ended(told))
        if self.journal.is_file():
            self._segued.log += self.journal.read_text().splitlines(keepends=True)

    def _has_ended(self, told: set[int]) -> bool:
        running = serving(self._segued.database)
        for pid in running - told:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
            told.add(pid)
        return not running and self.is_gone()


def serving(database: Path) -> set[int]:
    """Return the process IDs of the daemons that clients started for this database."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"--database" in words and words[words.index(b"--database") + 1] == os.fsencode(database):
                found.add(int(process.name))
    return found


def is_free(database: Path) -> bool:
    """Return True if no process holds the lock of the database."""
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
    """Return a `segue` that may start a daemon. The daemons are stopped at the end of the block."""
    background = Background(segued)
    try:
        yield cli.given(SEGUE_NO_AUTOSTART=""), background
    finally:
        background.finish()
