"""`segue import --follow`, in the foreground and as the process that the daemon starts."""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from segue.cli.output.terminal import Failure

if TYPE_CHECKING:
    from segue.history.discovery import Found
    from segue.history.importer import Importer

NICENESS = 10
"""How much less CPU time the daemon's importer gets than other programs."""

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
    if supervised:
        check_watching()
        os.nice(NICENESS)
        threading.Thread(target=_end_with_parent, args=(stop,), daemon=True).start()
    Follower(importer, roots, find, save=save, report=_print_report if supervised else _ignore, stop=stop).run()


def check_watching() -> None:
    """Raise Failure if watchfiles is missing."""
    try:
        import watchfiles  # noqa: F401 - only to know that it is there
    except ImportError:
        raise Failure("watchfiles is not installed; add it with: pipx inject segue watchfiles") from None


def _ignore(_: dict[str, Any]) -> None:
    pass


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
