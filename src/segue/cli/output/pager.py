"""The pager: text that is longer than the screen goes through the program in PAGER."""

import os
import signal
import sys
from collections.abc import Iterable

from segue.cli.output.terminal import stdout_is_tty
from segue.escapes import escape_all_but_colors

DEFAULT_OPTIONS = "FRX"
"""Options of less if LESS is not set: exit if the text fits on the screen, show colors, keep the screen."""


def page(pieces: Iterable[str]) -> None:
    """Write the pieces of a text to the pager if standard output is a terminal, else to standard output."""
    if stdout_is_tty():
        pieces = map(escape_all_but_colors, pieces)
    command = _command()
    if command is None:
        sys.stdout.writelines(pieces)
        return
    import subprocess  # Not needed in a pipe

    sys.stdout.flush()
    environment = {"LESS": DEFAULT_OPTIONS, "LV": "-c", **os.environ}
    process = subprocess.Popen(  # noqa: S602 - PAGER is a shell command by convention
        command, shell=True, stdin=subprocess.PIPE, env=environment, text=True, encoding="utf-8", errors="replace"
    )
    # The pager handles Ctrl-C itself, for example to stop a search.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with process.stdin or open(os.devnull, "w") as stream:  # noqa: PTH123
            for piece in pieces:
                stream.write(piece)
    except BrokenPipeError:
        pass  # The user left the pager before the end of the text
    finally:
        process.wait()
        signal.signal(signal.SIGINT, previous)


def _command() -> str | None:
    """Return the pager's shell command, or None if the text is to be written without one."""
    if not stdout_is_tty() or sys.stdin is None or not sys.stdin.isatty():
        return None
    command = os.environ.get("SEGUE_PAGER", os.environ.get("PAGER"))
    if command is None:
        import shutil

        command = "less" if shutil.which("less") else ""
    return None if command.strip() in ("", "cat") or os.environ.get("TERM") in (None, "dumb") else command
