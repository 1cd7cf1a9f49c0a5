r"""Words for a person, values for a pipe: what is printed, and what a terminal must never be given.

Names, directories and contents come from whoever could write to the daemon, so on a terminal their control
characters, which could drive it, are shown as `\x1b`.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import TextIO

FAILED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 4, 130
"""Exit codes; 0 is done."""

_CONTROLS = [*range(0x20), 0x7F, *range(0x80, 0xA0)]
_OVERRIDES = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""Characters that turn the direction of what follows: text that reads otherwise than it is."""

_VISIBLE = {code: f"\\x{code:02x}" for code in _CONTROLS} | {code: f"\\u{code:04x}" for code in _OVERRIDES}
_VISIBLE_IN_BLOCK = {code: shown for code, shown in _VISIBLE.items() if chr(code) not in "\n\t"}
_ESCAPED = {code: f"\\u{code:04x}" for code in _VISIBLE if code >= 0x7F}
"""For JSON, in which everything below a blank is escaped already."""


class Failure(Exception):
    """A line on stderr and exit 1."""

    exit_code = FAILED


class BadInput(Failure):
    """A line on stderr and exit 2, as for wrong usage."""

    exit_code = USAGE


def prepare_streams() -> None:
    """A pipe gets UTF-8 whatever the locale is; a terminal gets what it can show."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for the rest of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        _prepare(stream)


def silence_stdout(code: int) -> int:
    """Let the interpreter's last flush go nowhere, for what is unwritten cannot be written; returns the exit code."""
    _silence(sys.stdout)
    return code


def run_guarded(body: Callable[[], int | None]) -> int | None:
    """The exit code of `body`, whose output may meet a reader that is gone, a full disk or Ctrl-C."""
    # Only where `segue.cli.entry` lets Ctrl-C end the process at once: so it does again when the body is done.
    at_once = signal.getsignal(signal.SIGINT) == signal.SIG_DFL
    try:
        if at_once:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = body()
        sys.stdout.flush()
        if at_once:  # here too, where a last interrupt is still heeded
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    except BrokenPipeError:
        # `segue list | head -1`: the reader has what it wanted.
        return silence_stdout(0)
    except KeyboardInterrupt:
        return silence_stdout(INTERRUPTED)
    except OSError as error:
        silence_stdout(FAILED)
        return warn(": ".join(str(part) for part in (error.filename, error.strerror) if part), FAILED)
    finally:
        if at_once:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
    return code


def stdout_is_tty() -> bool:
    """Whether a person reads what is printed."""
    return sys.stdout.isatty()


def echo(text: str) -> None:
    """A line to stdout, as it is."""
    sys.stdout.write(f"{text}\n")


def echo_tsv(values: list[str]) -> None:
    """Values for a pipe, separated by tabs; none of them can break the row."""
    echo("\t".join(escape_line(value) for value in values))


def echo_json(result: bytes) -> None:
    """A result as the daemon wrote it, one line; only a terminal gets harmful characters as JSON escapes."""
    text = result.decode()
    echo(text.translate(_ESCAPED) if stdout_is_tty() else text)


def warn(text: str, code: int = 0) -> int:
    """A line to stderr, if it can be written; returns the exit code."""
    try:
        sys.stderr.write(f"segue: {escape_controls(text)}\n")
        sys.stderr.flush()
    except OSError:  # of a terminal that was closed, of a full disk: there is nobody else to tell
        _silence(sys.stderr)
    return code


def escape_line(text: str) -> str:
    """The text without anything that could leave its line."""
    return text.translate(_VISIBLE)


def escape_controls(text: str) -> str:
    """The text without anything but line ends and tabs that could drive a terminal."""
    return text.replace("\r\n", "\n").translate(_VISIBLE_IN_BLOCK)


def styled(text: str, **style: bool | str) -> str:
    """The text in bold, dim or a colour, if a terminal reads it that wants colours."""
    plain = not stdout_is_tty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") in (None, "dumb")
    if plain:
        return text
    import click

    return click.style(text, **style)  # type: ignore[arg-type]


def age(moment: str) -> str:
    """How long ago: `40s`, `3m`, `2h`, `5d`."""
    from segue.timestamps import milliseconds, wall_ms

    return span(max(0, wall_ms() - milliseconds(moment)) // 1000)


def span(seconds: int) -> str:
    """Seconds as `40s`, `3m`, `2h`, `5d`: the largest unit of which there is one."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def size(count: int) -> str:
    """Bytes as `12 B`, `1.5 KiB`, `3.0 GiB`."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{count} B" if count < 1024 else f"{amount:.1f} {units[0]}"


def when(moment: str) -> str:
    """For a person the local time to the minute, for a pipe the value itself."""
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


def _silence(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
