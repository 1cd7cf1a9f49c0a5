"""Change one member of JSON with comments, and leave the rest of the text byte for byte.

1. Comments and trailing commas become spaces, so that the positions in plain JSON are those in the text.
2. The parser of Python gives the end of each value, which is enough to find the members of an object.
3. A change is an insertion or a deletion in the text at these positions.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(rf"{_STRING}|,(?=\s*[}}\]])", re.DOTALL)
_SPACE = re.compile(r"\s*")

_decode = json.JSONDecoder().raw_decode


class Member(NamedTuple):
    """The positions of a member: from its name to the end of its value."""

    start: int
    value_start: int
    end: int


class Object(NamedTuple):
    """The positions of an object: its members, and its closing bracket."""

    start: int
    members: dict[str, Member]
    close: int


def parse(text: str) -> Any:
    """Return the value; an empty text is an empty object.

    Raises:
        ValueError: The text is not JSON with comments.
    """
    plain = _plain(text)
    return json.loads(plain) if plain.strip() else {}


def set_member(text: str, path: Sequence[str], value: Any) -> str:
    """Return the text with the value at the path. Missing objects on the way are made.

    Raises:
        ValueError: A value on the way is not an object.
    """
    plain = _plain(text)
    if not plain.strip():
        return f"{text}{'' if text in ('', chr(0xFEFF)) else _newline(text)}{_dump(_nested(path, value), '  ')}\n"
    start = _skip(plain, 0)
    *outer, last = path
    for depth, name in enumerate(outer):
        found = _object(plain, start)
        if name not in found.members:
            return _insert(text, found, name, _nested(path[depth + 1 :], value))
        start = found.members[name].value_start
    found = _object(plain, start)
    if last not in found.members:
        return _insert(text, found, last, value)
    member = found.members[last]
    shown = _indented(value, _line_indent(text, member.start), text)
    return text[: member.value_start] + shown + text[member.end :]


def remove_member(text: str, path: Sequence[str]) -> str:
    """Return the text without the member at the path, which must exist."""
    plain = _plain(text)
    start = _skip(plain, 0)
    for name in path:
        found = _object(plain, start)
        member = found.members[name]
        start = member.value_start
    return _remove(text, found, member)


def _plain(text: str) -> str:
    return _TRAILING_COMMA.sub(_blank, _without_comments(text))


def _without_comments(text: str) -> str:
    return _COMMENT.sub(_blank, text.replace("\ufeff", " ", 1) if text.startswith("\ufeff") else text)


def _blank(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith('"') else re.sub(r"[^\r\n]", " ", found[0])


def _skip(plain: str, at: int) -> int:
    found = _SPACE.match(plain, at)
    return found.end() if found else at


def _object(plain: str, start: int) -> Object:
    if plain[start] != "{":
        raise ValueError(f"there is {plain[start : start + 20]!r} where an object should be")
    members: dict[str, Member] = {}
    at = _skip(plain, start + 1)
    while plain[at] != "}":
        name, end = _decode(plain, at)
        value_start = _skip(plain, _skip(plain, end) + 1)
        _, value_end = _decode(plain, value_start)
        members[name] = Member(at, value_start, value_end)
        at = _skip(plain, value_end)
        at = _skip(plain, at + 1) if plain[at] == "," else at
    return Object(start, members, at)


def _insert(text: str, found: Object, name: str, value: Any) -> str:
    """Insert a member at the end of the object, behind the comments there."""
    last = max((member.end for member in found.members.values()), default=None)
    inside = text[found.start : found.close]
    if last is not None and "\n" not in inside:
        return f"{text[:last]}, {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}{text[last:]}"
    outer = _line_indent(text, found.start)
    inner = outer + _unit(text)
    if found.members:
        first = min(found.members.values())
        inner = _line_indent(text, first.start) if text[: first.start].rstrip(" \t").endswith("\n") else inner
    has_comma = last is not None and "," in _without_comments(text)[last : found.close]
    shown = f"{_newline(text)}{inner}{json.dumps(name)}: {_indented(value, inner, text)}{',' if has_comma else ''}"
    at = len(text[: found.close].rstrip())
    rest = text[at : found.close]
    tail = rest if "\n" in rest else _newline(text) + outer
    comma = "" if last is None or has_comma else ","
    before = text[:at] if last is None else f"{text[:last]}{comma}{text[last:at]}"
    return before + shown + tail + text[found.close :]


def _remove(text: str, found: Object, member: Member) -> str:
    """Remove a member with its line and one comma."""
    bare = _without_comments(text)
    others = [other for other in found.members.values() if other != member]
    if not others and not (text[found.start + 1 : member.start] + text[member.end : found.close]).strip(", \t\r\n"):
        return text[: found.start + 1] + text[found.close :]
    following = min((other.start for other in others if other.start > member.start), default=found.close)
    comma = bare.find(",", member.end, following)
    end = member.end if comma == -1 else comma + 1
    start = member.start
    line_start = len(text[:start].rstrip(" \t"))
    line_end = end + len(text[end:]) - len(text[end:].lstrip(" \t"))
    if text[:line_start].endswith("\n") and text.startswith(("\n", "\r\n"), line_end):
        start, end = line_start, text.index("\n", line_end) + 1
    elif comma != -1:
        end = line_end
    before = text[:start]
    if comma == -1 and others:
        previous = max(other.end for other in others if other.start < member.start)
        at = bare.index(",", previous, member.start)
        before = text[:at] + text[at + 1 : start]
    return before + text[end:]


def _nested(path: Sequence[str], value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value


def _dump(value: Any, unit: str) -> str:
    return json.dumps(value, indent=unit, ensure_ascii=False)


def _indented(value: Any, indent: str, text: str) -> str:
    return _dump(value, _unit(text)).replace("\n", _newline(text) + indent)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    """Return the indentation of the first indented line."""
    found = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    return found[1] if found else "  "


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]
