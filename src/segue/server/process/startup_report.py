"""The report to the client that started the daemon in the background and waits for the result.

The client passes the write end of a pipe and names its descriptor in `SEGUE_REPORT_FD`. It reads one line: an exit
status (0: the daemon serves), a space, and the socket's path or the error message.
"""

import fcntl
import os
import signal
import stat
from contextlib import suppress

VARIABLE = "SEGUE_REPORT_FD"


class StartupReport:
    """The pipe to a waiting client; without a pipe, reports are dropped."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def send(self, code: int, text: str) -> None:
        """Send the first report; later ones are dropped, because the client reads one line."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            os.write(descriptor, f"{code} {text}\n".encode(errors="replace"))
        os.close(descriptor)


def detach() -> StartupReport:
    """Continue in a child process if a client waits for a report; the first process exits.

    The client made the first process a session leader. The child is not one, so no terminal becomes its controlling
    terminal.
    """
    descriptor = _pipe(os.environ.pop(VARIABLE, ""))
    if descriptor is None:
        return StartupReport()
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    if os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # Because the client's thread may have blocked signals.
    return StartupReport(descriptor)


def _pipe(text: str) -> int | None:
    """Return the descriptor of that number if it is a pipe, because an unrelated parent may have left the variable."""
    try:
        descriptor = int(text)
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (ValueError, OverflowError, OSError):
        return None
