"""Bounds that a type cannot say, because they are configured or look at several parameters."""

import posixpath
from typing import Any

import msgspec

from segue.clock import milliseconds
from segue.errors import InvalidParams, TooLarge

DEPTH = 200
"""Levels of nesting in metadata and parts: far more than anyone uses, and well inside what every supported
Python can write again as JSON, so that what was stored can always be read."""


def normalise(working_dir: str) -> str:
    """The directory without `//`, `.`, `..` and a trailing `/`, by its letters alone."""
    return posixpath.normpath("/" + working_dir.lstrip("/"))


def check_bytes(text: str | None, limit: int, name: str) -> None:
    """TooLarge if the text is longer than `limit` bytes of UTF-8."""
    if text is not None and len(text.encode()) > limit:
        raise TooLarge(f"{name} has more than {limit} bytes", limit=limit)


def check_time(at: str | None, path: str) -> None:
    """InvalidParams if the text has the form of a time but there is no such moment, as on a 31st of June."""
    if at is not None:
        try:
            milliseconds(at)
        except ValueError as error:
            raise InvalidParams(str(error), path=path) from None


def check_depth(value: Any, path: str) -> None:
    """InvalidParams if objects and arrays stand in each other too deeply."""
    level = [value]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _members(outer)]
        if not level:
            return
    raise InvalidParams(f"nested deeper than {DEPTH} levels", path=path)


def check_json(value: Any, limit: int, name: str) -> None:
    """InvalidParams or TooLarge if the value is too deep, or longer than `limit` bytes as JSON."""
    check_depth(value, f"$.{name}")
    if len(msgspec.json.encode(value)) > limit:
        raise TooLarge(f"{name} has more than {limit} bytes", limit=limit)


def _members(value: Any) -> list[Any]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [member for member in inside if isinstance(member, dict | list)]
