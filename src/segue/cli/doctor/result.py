"""The result of one check."""

import shutil
from enum import StrEnum
from textwrap import wrap
from typing import NamedTuple

from segue.cli.output.terminal import echo, echo_tsv, escape_line, stdout_is_tty, styled

NAME_CELLS = 12
STATE_CELLS = 5
LEAST_TEXT_CELLS = 16


class State(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


COLORS = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


class Result(NamedTuple):
    """The finding of a check, and its fix."""

    name: str
    state: State
    text: str


def ok(name: str, text: str) -> Result:
    """Return the result of a check that found nothing wrong."""
    return Result(name, State.OK, text)


def warning(name: str, text: str) -> Result:
    """Return the result of a check that found something to think about."""
    return Result(name, State.WARN, text)


def failure(name: str, text: str) -> Result:
    """Return the result of a check that found something broken."""
    return Result(name, State.FAIL, text)


def print_result(result: Result) -> None:
    """Print a line; a terminal gets it wrapped below its text, a pipe gets tab-separated values."""
    if not stdout_is_tty():
        return echo_tsv([result.state, result.name, result.text])
    indent = STATE_CELLS + NAME_CELLS + 1
    columns = max(shutil.get_terminal_size().columns - 1, indent + LEAST_TEXT_CELLS)
    first, *rest = wrap(escape_line(result.text), columns - indent, break_on_hyphens=False)
    state = styled(f"{result.state:<{STATE_CELLS}}", fg=COLORS[result.state])
    echo(f"{state}{result.name:<{NAME_CELLS}} {first}")
    for line in rest:
        echo(f"{'':{indent}}{line}")
    return None
