"""Render the texts of a session for a shell: cut by display width, and with inert characters only."""

import re
import unicodedata
from typing import Literal

from segue.escapes import UNSAFE

Shell = Literal["zsh", "bash", "fish", "tmux", "plain"]
"""The program that shows the text. `tmux` is the status line of tmux, which expands `#` in the output of a command."""

_GENERATED_DATE = re.compile(r" - \d{4}-\d\d-\d\d_\d\d-\d\d\Z")
_UNSAFE = frozenset(map(chr, UNSAFE))
_FIELD = re.compile(r"\{(name|messages|age|id)\}")

_EXPANDED = {"$": "\uff04", "`": "\u02cb", "\\": "\uff3c", "!": "\uff01"}
"""Characters that bash and zsh expand in a prompt, in single or double quotes, and the look-alikes shown instead."""

_SUBSTITUTES: dict[Shell, dict[str, str]] = {
    "zsh": {**_EXPANDED, "%": "%%"},
    "bash": _EXPANDED,
    "fish": {},
    "tmux": {"#": "\uff03"},
    "plain": {},
}


def render_prompt(
    format: str, shell: Shell, *, id: str, name: str | None, messages: int, idle_seconds: int, name_chars: int
) -> str:
    """Return the format with its fields replaced; the name without its generated date is at most `name_chars` wide."""
    fields = {
        "name": escape(plain_name(name, id), shell, name_chars),
        "messages": str(messages),
        "age": age(idle_seconds),
        "id": escape(id, shell),
    }
    return _FIELD.sub(lambda found: fields[found[1]], format)


def plain_name(name: str | None, id: str) -> str:
    """Return a session's name without its generated date, its ID if it has no name."""
    return _GENERATED_DATE.sub("", name or "") or id


def escape(text: str, shell: Shell, columns: int = 2**31) -> str:
    """Return the text as inert characters, cut at a number of terminal columns."""
    substitutes = _SUBSTITUTES[shell]
    shown: list[str] = []
    for character in text:
        if character in _UNSAFE or unicodedata.category(character) == "Cs":
            continue
        columns -= _width(substitutes.get(character, character)[0])
        if columns < 0:
            break
        shown.append(substitutes.get(character, character))
    return "".join(shown)


def age(seconds: int) -> str:
    """Return a duration in its largest unit, such as `3m`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _width(character: str) -> int:
    """Return the terminal columns of a character: 0 if it combines with the one before, 2 if it is wide, else 1."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
