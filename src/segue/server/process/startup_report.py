"""The client that started us in the background, and waits at a pipe to hear how it went.

It names the pipe's descriptor in `SEGUE_REPORT_FD` and reads one line: an exit code (0: we serve), a blank, and
what we have to say.
"""

import fcntl
import os
import signal
import stat
from contextlib import suppress

VARIABLE = "SEGUE_REPORT_FD"


class StartupReport:
    """Somebody who waits for a word, or nobody."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def tell(self, code: int, text: str) -> None:
        """Say how it went, the first time; later words, and those for one who has left, go nowhere."""
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with suppress(OSError):
            os.write(descriptor, f"{code} {text}\n".encode(errors="replace"))
        os.close(descriptor)


def detach() -> StartupReport:
    """Leave the process that the client waits for, if one does: then this goes on in a child that nobody waits for.

    The client made the session anew; the child does not lead it, so no terminal can become its own.
    """
    descriptor = _pipe(os.environ.pop(VARIABLE, ""))
    if descriptor is None:
        return StartupReport()
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    if os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # a thread that starts us may have held signals back
    return StartupReport(descriptor)


def _pipe(text: str) -> int | None:
    """The descriptor of that number, if it is a pipe: the variable may be left over from somewhere else."""
    try:
        descriptor = int(text)
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (ValueError, OverflowError, OSError):
        return None
