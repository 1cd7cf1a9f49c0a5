"""Bounds that a type cannot say, because they are configured or look at several parameters."""

import posixpath
import re
from typing import Any

import msgspec

from segue.errors import InvalidParams, TooLarge
from segue.timestamps import milliseconds

DEPTH = 200
"""Levels of nesting in metadata and parts: far more than anyone uses, and well inside what every supported
Python can write again as JSON, so that what was stored can always be read."""

MAX_NOTE_BYTES = 65536
"""A bot's description, an extraction's error: lists give them whole and have no pages."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"{}", b"[]")


def normalize_directory(working_dir: str) -> str:
    """The directory without `//`, `.`, `..` and a trailing `/`, by its letters alone."""
    return posixpath.normpath("/" + working_dir.lstrip("/"))


def check_max_bytes(text: str | None, limit: int, name: str) -> None:
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
    if value is None:
        return
    try:
        text = msgspec.json.encode(value)
    except RecursionError:
        text = b"[" * (DEPTH + 1)
    if text.count(b"[") + text.count(b"{") > DEPTH and _is_deep(text):
        raise InvalidParams(f"nested deeper than {DEPTH} levels", path=path)


def check_json(value: Any, limit: int, name: str) -> None:
    """InvalidParams or TooLarge if the value is too deep, or longer than `limit` bytes as JSON; None is neither."""
    check_depth(value, f"$.{name}")
    if value and len(msgspec.json.encode(value)) > limit:
        raise TooLarge(f"{name} has more than {limit} bytes", limit=limit)


def _is_deep(text: bytes) -> bool:
    """Whether JSON text has more than DEPTH levels: each pass takes the innermost away, at the speed of C."""
    brackets = _STRING.sub(b"", text).translate(_ALIKE, _NO_BRACKETS)
    for _ in range(DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True
