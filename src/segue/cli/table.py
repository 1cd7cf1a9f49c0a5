"""Sessions as a table for a person, and as rows for a pipe."""

import os
from collections.abc import Sequence

from segue.cli.output import age, on_terminal, one_line, put_row, when
from segue.types import Session, SessionSummary

CURRENT = "*"
"""Marks the session that the current directory continues."""

ROOMY = 100
"""Columns of a terminal from which on the time of creation is shown too; most ids tell it anyway."""


def put_sessions(sessions: Sequence[Session | SessionSummary], current_id: str | None) -> None:
    """Print them: a table on a terminal, else a row each, values whole and separated by tabs."""
    if on_terminal():
        return _put_table(sessions, current_id)
    for session in sessions:
        mark = CURRENT if session.id == current_id else ""
        put_row([*_values(session, session.working_dir or ""), session.created_at, session.last_message_at, mark])
    return None


def _put_table(sessions: Sequence[Session | SessionSummary], current_id: str | None) -> None:
    # Imported here: a pipe, and every other command, need not wait for it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    roomy = console.width >= ROOMY
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("id", no_wrap=True, min_width=19)
    for title in ("name", "model", "directory"):
        table.add_column(title, overflow="fold")
    for title in ("messages", "created", "age") if roomy else ("messages", "age"):
        table.add_column(title, justify="right", no_wrap=True, min_width=len(title))
    for session in sessions:
        values = _values(session, _short(session.working_dir))
        values += [when(session.created_at)] if roomy else []
        mark = CURRENT if session.id == current_id else ""
        # Text, never str: markup in a name is not ours to obey.
        cells = (Text(one_line(value)) for value in (mark, *values, age(session.last_message_at)))
        table.add_row(*cells, style="bold" if mark else None)
    console.print(table)


def _values(session: Session | SessionSummary, directory: str) -> list[str]:
    model = "/".join(part for part in (session.provider, session.model) if part)
    return [session.id, session.name or "", model, directory, str(session.message_count)]


def _short(directory: str | None) -> str:
    home = os.environ.get("HOME", "").rstrip("/")
    if directory and home and f"{directory}/".startswith(f"{home}/"):
        return "~" + directory[len(home) :]
    return directory or ""
