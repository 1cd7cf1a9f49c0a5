"""The report to the client that started the daemon in the background and waits for the result.

The client passes the write end of a pipe and names its descriptor in `SEGUE_REPORT_FD`. The last line is an exit status
(0: the daemon serves), a space, and the socket's path or the error message. A client that sets `SEGUE_REPORT_STEPS`
gets lines before it while a migration takes long: `+`, the number of steps that are done and of all, and their name.
Clients that did not start the daemon find the last one of these lines in the lock file of the database.
"""

import fcntl
import os
import signal
import stat
from contextlib import suppress
from pathlib import Path

import anyio

from segue.runtime.lock import write_note
from segue.runtime.progress import Progress

VARIABLE = "SEGUE_REPORT_FD"
STEPS_VARIABLE = "SEGUE_REPORT_STEPS"

STEP_SECONDS = 0.5
"""Seconds: the pause between two lines about a migration."""


class StartupReport:
    """The pipe to a waiting client; without a pipe, reports are dropped."""

    def __init__(self, descriptor: int | None = None, *, with_steps: bool = False) -> None:
        self._descriptor = descriptor
        self._with_steps = with_steps
        self._has_started = False
        self._following: anyio.CancelScope | None = None
        self._noted: Path | None = None
        """The lock file, if it has a note."""

    def send(self, code: int, text: str) -> None:
        """Send the first report; later ones are dropped, because the client reads one line."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            os.write(descriptor, f"{code} {text}\n".encode(errors="replace"))
        os.close(descriptor)

    def end_steps(self) -> None:
        """Remove the note about the migration, because the daemon serves now."""
        self._has_started = True
        if self._following is not None:
            self._following.cancel()
        if self._noted is not None:
            write_note(self._noted, "")

    async def follow(self, progress: Progress, lock: Path) -> None:
        """Send how far the migration is, and note it in the lock file, until `end_steps`."""
        if self._has_started:
            return
        with anyio.CancelScope() as self._following:
            while True:
                await anyio.sleep(STEP_SECONDS)
                if progress.total:
                    self._note(f"+ {progress.done} {progress.total} {progress.step}", lock)

    def _note(self, line: str, lock: Path) -> None:
        self._noted = lock
        write_note(lock, line)
        if self._with_steps and self._descriptor is not None:
            with suppress(OSError):
                os.write(self._descriptor, f"{line}\n".encode())


def detach() -> StartupReport:
    """Continue in a child process if a client waits for a report; the first process exits.

    The client made the first process a session leader. The child is not one, so no terminal becomes its controlling
    terminal.
    """
    descriptor = _pipe(os.environ.pop(VARIABLE, ""))
    with_steps = bool(os.environ.pop(STEPS_VARIABLE, ""))
    if descriptor is None:
        return StartupReport()
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    if os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # Because the client's thread may have blocked signals.
    return StartupReport(descriptor, with_steps=with_steps)


def _pipe(text: str) -> int | None:
    """Return the descriptor of that number if it is a pipe, because an unrelated parent may have left the variable."""
    try:
        descriptor = int(text)
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (ValueError, OverflowError, OSError):
        return None
