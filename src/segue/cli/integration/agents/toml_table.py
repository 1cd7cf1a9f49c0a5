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


def set_member(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with the value at the path: a new table at the end, or a member of a table that is there.

    Raises:
        ValueError: There is no such table.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    if isinstance(value, dict):
        start = text.rstrip()
        lines = [f"[{'.'.join(path)}]", *(_line(name, member) for name, member in value.items()), ""]
        return newline.join([*([start, ""] if start else []), *lines])
    *outer, name = path
    tables = _tables(text, outer, exact=True)
    if not tables:
        raise ValueError(f"there is no line [{'.'.join(outer)}]")
    table, line = tables[0], _line(name, value)
    body = text[table.body : table.end]
    member = re.search(rf"^[ \t]*{re.escape(name)}[ \t]*=[^\r\n]*", body, re.MULTILINE)
    body = body[: member.start()] + line + body[member.end() :] if member else newline + line + body
    return text[: table.body] + body + text[table.end :]


def remove_member(text: str, path: Sequence[str]) -> str:
    """Return the text without the table and the tables in it."""
    newline = "\r\n" if "\r\n" in text else "\n"
    for table in reversed(_tables(text, path, exact=False)):
        before, after = text[: table.start], text[table.end :].lstrip("\r\n")
        end = newline if before.strip() else ""
        text = before + after if after.strip() else before.rstrip() + end
    return text


def _line(name: str, value: Any) -> str:
    """Return a member with a string, a number or a list of these, which JSON writes as TOML does."""
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"


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
