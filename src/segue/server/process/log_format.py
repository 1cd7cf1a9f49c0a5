"""The log: one line an event, to stderr, or in the words of the systemd journal if that is what reads stderr."""

import logging
import os
import sys
from contextlib import suppress

from segue.config import LogLevel

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
JOURNAL_FORMAT = "%(name)s: %(message)s"
"""The journal has a time and a level of its own."""

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""sd-daemon(3): a line that begins with `<3>` is an error; below info it is 7."""

_BREAKS = [*range(0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029]
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _BREAKS} | {0x0A: "\\n"}


class OneLine(logging.Formatter):
    """Makes one line of a record, its traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, with its priority if the journal reads it."""
        return priority(record.levelno) + escape_line(super().format(record))


def start_logging(level: LogLevel) -> None:
    """Log from that level on."""
    logging.raiseExceptions = False  # a line that cannot be written is lost, and nothing else
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # at debug it writes each call with its arguments
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(JOURNAL_FORMAT if in_journal() else FORMAT))
    logging.basicConfig(handlers=[handler], level=level.upper())


def in_journal() -> bool:
    """Whether stderr leads to the journal: systemd names that stream as device:inode, and heirs may redirect it."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    with suppress(OSError):  # stderr is closed
        found = os.fstat(2)
        return stream == f"{found.st_dev}:{found.st_ino}"
    return False


def priority(level: int) -> str:
    """What the journal reads a line's level from; nothing for other readers."""
    if not in_journal():
        return ""
    return f"<{next((number for least, number in PRIORITIES if level >= least), 7)}>"


def escape_line(text: str) -> str:
    r"""The text with all that could end or spoil its line escaped, line ends as `\n`."""
    return text.translate(_ESCAPES)
