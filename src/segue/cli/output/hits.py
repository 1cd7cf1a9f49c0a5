"""Search hits on a terminal: one line for the session, and the text around the match wrapped at words."""

import re

from segue.cli.output.cells import cut, width
from segue.cli.output.terminal import ago, escape_line, styled
from segue.results import SearchHit
from segue.workflows.labels import GENERATED_DATE, short_id

MARKS = re.compile("\ue000([^\ue001]*)\ue001")
"""A match in a snippet; the first group is its text."""

INDENT = "  "
MIN_NAME_CELLS, MIN_SNIPPET_CELLS = 6, 20
"""Cells: the least width of a name, which is left out where it has less, and of a line of a snippet."""


def heading(hit: SearchHit, lead: str = "", color: str = "magenta") -> str:
    """Return `lead`, the short ID of the session, its name and the age of the message, on one line of the terminal."""
    id, used = escape_line(f"{lead}{short_id(hit.session_id)}"), ago(hit.created_at)
    origin = f"[{hit.source}] " if hit.source else f"[on {hit.machine}] " if hit.machine else ""
    name = escape_line(origin + re.sub(GENERATED_DATE, "", hit.session_name or "")).strip()
    room = _columns() - width(id) - len(used) - 4
    shown = cut(name, room) if room >= MIN_NAME_CELLS else ""
    return f"{styled(id, fg=color, bold=True)}  {shown}{'  ' if shown else ''}{styled(used, dim=True)}"


def snippet(hit: SearchHit) -> str:
    """Return the snippet with its matches in color, on indented lines that end at words."""
    cells = max(MIN_SNIPPET_CELLS, _columns() - len(INDENT))
    lines, line, taken = [], "", 0
    for word in escape_line(" ".join(hit.snippet.split())).split(" "):
        wide = width(word.translate({0xE000: None, 0xE001: None}))
        if line and taken + 1 + wide > cells:
            lines.append(line)
            line, taken = "", 0
        line, taken = (f"{line} {word}", taken + 1 + wide) if line else (word, wide)
    text = "\n".join(INDENT + one for one in [*lines, line])
    return MARKS.sub(lambda match: styled(match[1], fg="red", bold=True), text)


def _columns() -> int:
    import shutil  # Not needed in a pipe

    return shutil.get_terminal_size().columns
