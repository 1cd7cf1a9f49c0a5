"""Change one table of a TOML file, and leave the rest of the text byte for byte.

The text is searched for headers, not parsed. So the caller compares what the new text means with what it should mean.
"""

import json
import re
import tomllib
from collections.abc import Sequence
from typing import Any, NamedTuple

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)


class Span(NamedTuple):
    """The positions of a table: from its header to the end of its last member."""

    start: int
    body: int
    end: int


def parse(text: str) -> Any:
    """Return the value.

    Raises:
        ValueError: The text is not TOML.
    """
    return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))


def set_member(text: str, path: Sequence[str], value: dict[str, Any]) -> str:
    """Return the text with these members in the table. A missing table is added at the end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = {name: f"{name} = {json.dumps(member, ensure_ascii=False)}" for name, member in value.items()}
    table = next((span for span in _tables(text, path, exact=True)), None)
    if table is None:
        header = f"[{'.'.join(path)}]"
        start = text.rstrip()
        return newline.join([*([start, ""] if start else []), header, *lines.values(), ""])
    body = text[table.body : table.end]
    missing = []
    for name, line in lines.items():
        member = re.compile(rf"^[ \t]*{name}[ \t]*=[^\r\n]*", re.MULTILINE)
        body, count = member.subn(line.replace("\\", "\\\\"), body, count=1)
        missing += [] if count else [newline + line]
    return text[: table.body] + "".join(missing) + body + text[table.end :]


def remove_member(text: str, path: Sequence[str]) -> str:
    """Return the text without the table and the tables in it."""
    newline = "\r\n" if "\r\n" in text else "\n"
    for table in reversed(_tables(text, path, exact=False)):
        before, after = text[: table.start], text[table.end :].lstrip("\r\n")
        end = newline if before.strip() else ""
        text = before + after if after.strip() else before.rstrip() + end
    return text


def _tables(text: str, path: Sequence[str], *, exact: bool) -> list[Span]:
    names = r"[ \t]*\.[ \t]*".join(rf"(?:{name}|\"{name}\"|'{name}')" for name in map(re.escape, path))
    inner = "" if exact else r"(?:[ \t]*\.[^\]\r\n]+)?"
    header = re.compile(rf"^[ \t]*\[[ \t]*{names}{inner}[ \t]*\][ \t]*(?:#[^\r\n]*)?(?=\r?$)", re.MULTILINE)
    return [Span(found.start(), found.end(), _end(text, found.end())) for found in header.finditer(text)]


def _end(text: str, body: int) -> int:
    """Return the end of the last member. Comments behind it belong to the next table."""
    following = _HEADER.search(text, body)
    end = following.start() if following else len(text)
    lines = text[body:end].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        end -= len(lines.pop())
    return max(end, body)
