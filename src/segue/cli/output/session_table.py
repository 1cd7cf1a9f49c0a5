"""Sessions as a table for a terminal, and as rows for a pipe."""

import os
from collections.abc import Sequence
from typing import Literal

from segue.cli.output.terminal import age, echo_tsv, escape_line, stdout_is_tty, when
from segue.models import Session, SessionSummary

CURRENT = "*"
"""Marks the session that the current directory continues."""

WIDE = 100
"""Columns: minimum width for model and time of creation. Most IDs contain the time anyway."""

NARROW = 60
"""Columns: minimum width for the directory."""

ID_CELLS, COUNT_CELLS, MOMENT_CELLS, AGE_CELLS = 19, 8, 16, 4
"""Widths of the columns whose values are never cut."""


def print_sessions(sessions: Sequence[Session | SessionSummary], current_id: str | None) -> None:
    """Print a table on a terminal, or tab-separated rows with whole values to a pipe."""
    if stdout_is_tty():
        return _put_table(sessions, current_id)
    for session in sessions:
        mark = CURRENT if session.id == current_id else ""
        echo_tsv([*_values(session, session.working_dir or ""), session.created_at, session.last_message_at, mark])
    return None


def _put_table(sessions: Sequence[Session | SessionSummary], current_id: str | None) -> None:
    # Imported here because rich takes 30 ms to load, and a pipe does not need it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    columns = _columns(sessions, console.width)
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("", no_wrap=True)
    for title, width in columns.items():
        justify: Literal["left", "right"] = "right" if title in ("messages", "created", "age") else "left"
        table.add_column(title, no_wrap=True, overflow="ellipsis", justify=justify, max_width=width)
    for session in sessions:
        mark = CURRENT if session.id == current_id else ""
        values = _shown(session)
        values["directory"] = _end_of(values["directory"], columns.get("directory", 0))
        # Text, never str, because rich would interpret markup in a name.
        cells = (Text(escape_line(text)) for text in (mark, *(values[title] for title in columns)))
        table.add_row(*cells, style="bold" if mark else None)
    console.print(table)


def _columns(sessions: Sequence[Session | SessionSummary], width: int) -> dict[str, int]:
    """Return the columns that fit the width, each with its maximum width. A session takes one line."""
    from rich.cells import cell_len

    longest = {
        title: max([len(title), *(cell_len(escape_line(_shown(session)[title])) for session in sessions)])
        for title in ("id", "name", "model", "directory")
    }
    wide = width >= WIDE
    ids = min(longest["id"], max(ID_CELLS, width // 3))
    left = width - (len(CURRENT) + 1) - (ids + 1) - (COUNT_CELLS + 1) - AGE_CELLS - 1
    left -= MOMENT_CELLS + 1 if wide else 0
    directory = min(longest["directory"], left * 2 // 5) if width >= NARROW else 0
    model = min(longest["model"], left // 4) if wide else 0
    found = {"id": ids, "name": max(1, left - directory - model - 2), "model": model, "directory": directory}
    found |= {"messages": COUNT_CELLS, "created": MOMENT_CELLS if wide else 0, "age": AGE_CELLS}
    return {title: cells for title, cells in found.items() if cells}


def _shown(session: Session | SessionSummary) -> dict[str, str]:
    titles = ("id", "name", "model", "directory", "messages")
    values = dict(zip(titles, _values(session, _short(session.working_dir)), strict=True))
    return {**values, "created": when(session.created_at), "age": age(session.last_message_at)}


def _end_of(directory: str, width: int) -> str:
    """Return the directory, cut at its start if it is too long, because its end says more."""
    return directory if len(directory) <= width else f"…{directory[len(directory) - width + 1 :]}"


def _values(session: Session | SessionSummary, directory: str) -> list[str]:
    model = "/".join(part for part in (session.provider, session.model) if part)
    return [session.id, session.name or "", model, directory, str(session.message_count)]


def _short(directory: str | None) -> str:
    home = os.environ.get("HOME", "").rstrip("/")
    if directory and home and f"{directory}/".startswith(f"{home}/"):
        return "~" + directory[len(home) :]
    return directory or ""
