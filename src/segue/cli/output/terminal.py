r"""Output to terminals and pipes, and the exit statuses.

Names, directories and contents are untrusted. Their control characters could drive a terminal, so a terminal gets
them as `\x1b`. A pipe gets the values unchanged.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import TextIO

from segue.escapes import BLOCK, LINE, escape_all_but_colors, json_table

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 4, 130
"""Exit statuses; 0 is success."""


_color = {"mode": "auto"}


class Failure(Exception):
    """An error that is printed as one line; exit status 1."""

    exit_code = FAILED


class BadInput(Failure):
    """An error that is printed as one line; exit status 2, as for invalid usage."""

    exit_code = USAGE


def prepare_streams() -> None:
    """Set the encodings: UTF-8 for a pipe whatever the locale is, the locale's for a terminal."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - It stays open until the process exits
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        _prepare(stream)


def silence_stdout(code: int) -> int:
    """Discard unwritten output, because the interpreter's last flush would fail, and return the exit status."""
    _redirect_to_null(sys.stdout)
    return code


def run_guarded(body: Callable[[], int | None]) -> int | None:
    """Run `body` and return its exit status, or the one for a closed pipe, a full disk or Ctrl-C."""
    # If `segue.cli.entry` lets Ctrl-C end the process, it does so again after the body.
    ends_process = signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    try:
        if ends_process:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = body()
        sys.stdout.flush()
        if ends_process:  # Also here, because an interrupt may arrive before `finally`
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except BrokenPipeError:
        # `segue list | head -1`: the reader closed the pipe, which is no error.
        return silence_stdout(0)
    except KeyboardInterrupt:
        return silence_stdout(INTERRUPTED)
    except OSError as error:
        silence_stdout(FAILED)
        return warn(": ".join(str(part) for part in (error.filename, error.strerror) if part), FAILED)
    finally:
        if ends_process:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


def stdout_is_tty() -> bool:
    """Return True if standard output is a terminal."""
    return sys.stdout.isatty()


def stderr_is_tty() -> bool:
    """Return True if standard error is a terminal."""
    return sys.stderr.isatty()


def echo(text: str) -> None:
    """Print a line to standard output. A terminal gets only text and colors."""
    sys.stdout.write(f"{escape_all_but_colors(text) if stdout_is_tty() else text}\n")


def echo_stored(text: str) -> None:
    """Print a stored text. A terminal gets no colors of it either, a pipe gets it unchanged."""
    text = text.removesuffix("\n")
    echo(escape_controls(text) if stdout_is_tty() else text)


def echo_tsv(values: list[str]) -> None:
    """Print tab-separated values for a pipe. Tabs and line ends in the values are escaped."""
    echo("\t".join(escape_line(value) for value in values))


def echo_json(result: bytes) -> None:
    """Print a result as one line of JSON. Only a terminal gets control characters as JSON escapes."""
    text = result.decode()
    echo(text.translate(json_table()) if stdout_is_tty() else text)


def warn(text: str, code: int = 0) -> int:
    """Print a line to standard error if possible, and return `code`."""
    try:
        sys.stderr.write(f"segue: {escape_controls(text)}\n")
        sys.stderr.flush()
    except OSError:  # Because the terminal is closed or the disk is full, the error cannot be reported
        _redirect_to_null(sys.stderr)
    return code


def escape_line(text: str) -> str:
    """Return the text with all control characters escaped, line ends and tabs too."""
    return text.translate(LINE)


def escape_controls(text: str) -> str:
    """Return the text with all control characters escaped but line ends and tabs."""
    return text.replace("\r\n", "\n").translate(BLOCK)


def set_color(mode: str) -> None:
    """Set when styles are used: `always`, `never`, or `auto` for a terminal that supports them."""
    _color["mode"] = mode


def use_styles() -> bool:
    """Return True if output has styles."""
    if _color["mode"] != "auto":
        return _color["mode"] == "always"
    return stdout_is_tty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in (None, "dumb")


def styled(text: str, **style: bool | str) -> str:
    """Return the text with a style if output has styles."""
    if not use_styles():
        return text
    import click

    return click.style(text, **style)  # type: ignore[arg-type]


def age(moment: str) -> str:
    """Return the age of a timestamp, such as `40s`, `3m`, `2h` or `5d`."""
    from segue.timestamps import milliseconds, wall_ms

    return span(max(0, wall_ms() - milliseconds(moment)) // 1000)


def ago(moment: str) -> str:
    """Return the age of a timestamp in words, such as `4m ago`."""
    return f"{age(moment)} ago"


def span(seconds: int) -> str:
    """Return a duration in its largest whole unit, such as `40s`, `3m`, `2h` or `5d`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def size(count: int) -> str:
    """Return a number of bytes with its unit, such as `12 B`, `1.5 KiB` or `3.0 GiB`."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{count} B" if count < 1024 else f"{amount:.1f} {units[0]}"


def when(moment: str) -> str:
    """Return the local time to the minute for a terminal, or the timestamp itself for a pipe."""
    from datetime import UTC, datetime

    from segue.timestamps import milliseconds

    if not stdout_is_tty():
        return moment
    return f"{datetime.fromtimestamp(milliseconds(moment) / 1000, UTC).astimezone():%Y-%m-%d %H:%M}"


def _prepare(stream: TextIO) -> None:
    if stream.isatty():
        stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    else:
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[attr-defined]


def _redirect_to_null(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
