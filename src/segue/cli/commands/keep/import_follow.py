"""`segue import --follow`, in the foreground and as the process that the daemon starts."""

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from segue.cli.output.terminal import Failure, echo, warn

if TYPE_CHECKING:
    from segue.history.discovery import Found
    from segue.history.importer import Importer

NICENESS = 10
"""Niceness: the daemon's importer gets less CPU time than other programs."""

SHOW_SECONDS = 1.0
"""Seconds between two lines of what was imported."""

END_SECONDS = 3.0
"""Seconds that the daemon's importer has to end after the daemon."""


def follow(
    importer: "Importer",
    roots: Callable[[], Iterable[Path]],
    find: "Callable[[], Iterable[Found]]",
    save: Callable[[], None],
    *,
    supervised: bool,
) -> None:
    """Import what changes until Ctrl-C, or until the daemon that started this process ends."""
    from segue.history.following import Follower

    stop = threading.Event()
    report = _print_report if supervised else Foreground(importer).show
    if not supervised:
        warn("importing what is there, then what changes, until Ctrl-C")
    else:
        check_watching()
        os.nice(NICENESS)
        threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    Follower(importer, roots, find, save=save, report=report, stop=stop).run()


def check_watching() -> None:
    """Raise Failure if watchfiles is missing."""
    try:
        import watchfiles  # noqa: F401 - only to know that it is there
    except ImportError:
        raise Failure("watchfiles is not installed; add it with: pipx inject segue watchfiles") from None


class Foreground:
    """The output of an importer that follows: a line for what was imported, and each error once."""

    def __init__(self, importer: "Importer") -> None:
        self._counts = importer.counts
        self._added = self._updated = 0
        self._seen: dict[str, Any] = {}
        self._errors: set[str] = set()
        self._shown_at = -math.inf

    def show(self, report: dict[str, Any]) -> None:
        """Print what changed since the last line, at most once in SHOW_SECONDS."""
        for tool, state in report.items():
            for error in state["errors"]:
                if error not in self._errors:
                    self._errors.add(error)
                    warn(f"{tool}: {error}")
        added, updated = self._counts.added - self._added, self._counts.updated - self._updated
        if (now := time.monotonic()) < self._shown_at + SHOW_SECONDS or not (added or updated):
            return
        self._shown_at, self._added, self._updated = now, self._counts.added, self._counts.updated
        tools = [tool for tool, state in report.items() if state["last_seen_at"] != self._seen.get(tool)]
        self._seen = {tool: state["last_seen_at"] for tool, state in report.items()}
        changes = [f"{count} {what}" for count, what in ((added, "messages added"), (updated, "updated")) if count]
        echo(f"{time.strftime('%H:%M:%S')}  {', '.join(tools)}: {', '.join(changes)}")
        sys.stdout.flush()


def _print_report(report: dict[str, Any]) -> None:
    with suppress(OSError):  # The daemon is gone, and its end stops this process.
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()


def _end_with_parent(stop: threading.Event) -> None:
    """End this process when the daemon has closed its end of standard input, which the kernel does if it is killed."""
    while os.read(0, 1):
        pass
    stop.set()
    threading.Event().wait(END_SECONDS)
    os._exit(0)
