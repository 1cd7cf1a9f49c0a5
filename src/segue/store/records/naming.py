"""The name that a session gets from its first user message."""

import re

from segue.timestamps import timestamp

NAME_CHARS = 30
"""Code points of the message that the name keeps."""

_WORD = re.compile(r"\S+")
_MOMENT = re.compile(r" - [0-9]{4}-[0-9]{2}-[0-9]{2}_[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def name_from(content: str, now: int) -> str | None:
    """`first thirty characters - YYYY-MM-DD_HH-MM`; None for a message with nothing to see.

    Words are read only until there are enough of them: a message may be megabytes.
    """
    text = ""
    for word in _WORD.finditer(content):
        shown = _CONTROL.sub("", word[0])
        if shown:
            text = f"{text} {shown}" if text else shown
        if len(text) >= NAME_CHARS:
            break
    if not text:
        return None
    at = timestamp(now)
    return f"{text[:NAME_CHARS].strip()} - {at[:10]}_{at[11:13]}-{at[14:16]}"


def automatic_base(name: str) -> str:
    """What a name of that form keeps of its message; nothing of any other name."""
    base, moment = name[:-19], name[-19:]
    return base if _MOMENT.fullmatch(moment) else ""
