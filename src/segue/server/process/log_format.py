"""The log on stderr: one line per event, with a priority prefix if the systemd journal reads it."""

import logging
import os
import sys
from contextlib import suppress

from segue.config import LogLevel

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
JOURNAL_FORMAT = "%(name)s: %(message)s"
"""The journal adds the time and the level itself."""

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""Lowest log level and its priority, see sd-daemon(3): `<3>` marks an error. Levels below info have priority 7."""

_BREAKS = [*range(0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029]
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _BREAKS} | {0x0A: "\\n"}


class OneLineFormatter(logging.Formatter):
    """A formatter that puts a record and its traceback on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with its priority if the journal reads it."""
        return priority(record.levelno) + escape_line(super().format(record))


def start_logging(level: LogLevel) -> None:
    """Log to stderr from this level on."""
    logging.raiseExceptions = False  # Because a line that cannot be written must not stop the daemon.
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # Its debug lines hold the arguments of every call.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter(JOURNAL_FORMAT if in_journal() else FORMAT))
    logging.basicConfig(handlers=[handler], level=level.upper())


def in_journal() -> bool:
    """Return True if stderr leads to the systemd journal.

    systemd names the stream as device:inode, because a child process may have redirected stderr since.
    """
    stream = os.environ.get("JOURNAL_STREAM", "")
    with suppress(OSError):  # stderr is closed
        found = os.fstat(2)
        return stream == f"{found.st_dev}:{found.st_ino}"
    return False


def priority(level: int) -> str:
    """Return the prefix from which the journal reads a line's level; empty outside the journal."""
    if not in_journal():
        return ""
    return f"<{next((number for least, number in PRIORITIES if level >= least), 7)}>"


def escape_line(text: str) -> str:
    r"""Return the text with control characters and line separators escaped, line feeds as `\n`."""
    return text.translate(_ESCAPES)
