"""Sessions as a table for a terminal, and as rows for a pipe."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from segue.cli.output.cells import cut, cut_start, fill, width
from segue.cli.output.terminal import age, ago, echo, echo_tsv, escape_line, stdout_is_tty, styled
from segue.models import Session, SessionSummary
from segue.workflows.labels import GENERATED_DATE, ID_CELLS, short_id, states

CURRENT = "*"
"""The mark of the session that the current directory continues."""

ELSEWHERE = "@"
"""The mark of a session that another machine used last, if it has no other mark."""

NAME_CELLS, LEAST_NAME = 20, 12
"""Cells: the least width of a name, and the one at 40 columns beside an ID that is not made by segue."""

PICKER_CELLS = 32
"""Cells: the width of a name in a picker, if the terminal has room for it and the rest."""

AGO_CELLS = 8
MACHINE_CELLS = 16
"""Cells: the widest name of a machine."""

STATE_COLUMNS, DIRECTORY_COLUMNS, MODEL_COLUMNS = 56, 72, 100
"""Columns: the least width of the terminal for the state and number of messages, the directory and the machine, and
the model."""


class Row(NamedTuple):
    """The cells of one session."""

    mark: str
    name: str
    id: str
    state: str
    model: str
    directory: str
    messages: str
    machine: str
    used: str


HEADER = Row("", "name", "id", "state", "model", "directory", "msgs", "machine", "used")


def print_sessions(
    sessions: Sequence[Session | SessionSummary], current_id: str | None, days_left: Mapping[str, int] | None = None
) -> None:
    """Print a table on a terminal, or tab-separated rows with whole values to a pipe.

    With `days_left`, the table has the days until each session expires instead of its last use.
    """
    if stdout_is_tty():
        return _print_table(sessions, current_id, days_left)
    for session in sessions:
        mark = CURRENT if session.id == current_id else ""
        values = [session.id, session.name or "", _model(session), session.working_dir or ""]
        values += [str(session.message_count), session.created_at, session.last_message_at, mark]
        echo_tsv([*values, session.machine] if session.machine else values)
    return None


def picker_cells(session: SessionSummary) -> list[str]:
    """Return the cells of one session for a picker: name, age, number of messages and directory."""
    import shutil

    row = _row(session, None)
    cells = max(NAME_CELLS, min(PICKER_CELLS, shutil.get_terminal_size().columns - NAME_CELLS))
    name = fill(cut(row.name, cells), cells)
    return [name, f"{age(session.last_message_at):>4}", f"{row.messages:>3} msgs", row.directory]


def short_directory(directory: str | None) -> str:
    """Return the directory with `~` for the home directory."""
    home = os.environ.get("HOME", "").rstrip("/")
    if directory and home and f"{directory}/".startswith(f"{home}/"):
        return "~" + directory[len(home) :]
    return directory or ""


def _print_table(
    sessions: Sequence[Session | SessionSummary], current_id: str | None, days_left: Mapping[str, int] | None
) -> None:
    import shutil  # Not needed in a pipe

    rows = [_row(session, current_id) for session in sessions]
    header = HEADER
    if days_left is not None:
        header = HEADER._replace(used="expires")
        rows = [row._replace(used=_expires(days_left[one.id])) for row, one in zip(rows, sessions, strict=True)]
    widths = _widths(rows, shutil.get_terminal_size().columns)
    echo(styled(_line(header, widths), bold=True))
    for row in rows:
        echo(styled(_line(row, widths), bold=row.mark == CURRENT))


def _row(session: Session | SessionSummary, current_id: str | None) -> Row:
    marks = states(session)
    other = ELSEWHERE if session.machine else ""
    mark = CURRENT if session.id == current_id else (marks[0][0] if marks else other)
    row = Row(
        mark,
        _name(session),
        short_id(session.id),
        " ".join(marks),
        _model(session),
        short_directory(session.working_dir),
        str(session.message_count),
        session.machine or "",
        ago(session.last_message_at),
    )
    return Row(*map(escape_line, row))


def _name(session: Session | SessionSummary) -> str:
    """Return the name without its date; in place of an automatic one, the first message that it begins."""
    name = re.sub(GENERATED_DATE, "", session.name or "")
    preview = " ".join((getattr(session, "preview", None) or "").split())
    if not name:
        return f"“{preview}”" if preview else "(no name)"
    return preview if name != session.name and preview.startswith(name) else name


def _expires(days: int) -> str:
    return f"in {days}d" if days else "now"


def _widths(rows: list[Row], columns: int) -> Row:
    """Return the width of each column as numbers in a row; 0 leaves a column out.

    1. The ID and the age have their whole width; the other columns appear where the terminal is wide enough.
    2. Directory and model take at most their share, so that the name keeps the most.
    3. The name takes what is left, and at least LEAST_NAME; others are left out for it.
    """
    widest = {title: max([width(getattr(row, title)) for row in (HEADER, *rows)]) for title in Row._fields}
    taken = {"mark": 1, "id": min(widest["id"], ID_CELLS), "used": max(AGO_CELLS, widest["used"])}
    if columns >= STATE_COLUMNS:
        taken["messages"] = widest["messages"]
        if any(row.state for row in rows):
            taken["state"] = widest["state"]
    if columns >= DIRECTORY_COLUMNS:
        taken["directory"] = min(widest["directory"], columns // 4)
        if any(row.machine for row in rows):
            taken["machine"] = min(widest["machine"], MACHINE_CELLS)
    if columns >= MODEL_COLUMNS and any(row.model for row in rows):
        taken["model"] = min(widest["model"], columns // 6)
    for title in ("", "machine", "state", "messages"):
        taken.pop(title, None)
        if (left := columns - sum(cells + 1 for cells in taken.values()) - 1) >= LEAST_NAME:
            break
    taken["name"] = max(LEAST_NAME, min(widest["name"], left))
    return Row(*(str(taken.get(title, 0)) for title in Row._fields))


def _line(row: Row, widths: Row) -> str:
    cells = []
    for title, text, wide in zip(Row._fields, row, map(int, widths), strict=True):
        if wide:
            shown = cut_start(text, wide) if title == "directory" else cut(text, wide)
            cells.append(fill(shown, wide, right=title in ("messages", "used")))
    return " ".join(cells).rstrip()


def _model(session: Session | SessionSummary) -> str:
    return "/".join(part for part in (session.provider, session.model) if part)
