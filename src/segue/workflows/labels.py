"""The labels of a session in lists: its short ID, its title and the words that mark it."""

import re
from typing import Any

GENERATED_ID = r"\d{4}-\d\d-\d\d-(\d{4}-\d{3,})"
GENERATED_DATE = r" - \d{4}-\d\d-\d\d_\d\d-\d\d$"
"""The end of an automatic name, which lists leave out because they have the time already."""

ID_CELLS = 12
"""Cells: the longest ID that is shown whole, if it is not a generated one."""


def short_id(id: str) -> str:
    """Return the end of a generated ID, or the whole ID if it is short. Every command accepts it."""
    if found := re.fullmatch(GENERATED_ID, id):
        return found[1]
    return id if len(id) <= ID_CELLS else id[-ID_CELLS:]


def states(session: Any) -> list[str]:
    """Return the words that mark a session: pinned, ended, crashed, archived, or its source."""
    found = ["pinned"] if session.pinned else []
    found += {"completed": ["ended"], "crashed": ["crashed"]}.get(session.status, [])
    found += ["archived"] if session.archived else []
    return found + ([session.source.tool] if session.source is not None else [])


def title(name: str | None, preview: str | None) -> str:
    """Return a name that a person gave, else the beginning of the first message, else the automatic name."""
    if name and not re.search(GENERATED_DATE, name):
        return " ".join(name.split())
    return " ".join((preview or re.sub(GENERATED_DATE, "", name or "")).split()) or "(no name)"
