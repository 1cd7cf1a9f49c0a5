"""Check parameters where a type cannot: configured limits, nesting and dates."""

import posixpath
import re
from typing import Any

import msgspec

from segue.errors import InvalidParams, TooLarge
from segue.timestamps import milliseconds

MAX_DEPTH = 200
"""Levels of nesting in metadata and parts. Every supported Python can encode that many levels."""

MAX_NOTE_BYTES = 65536
"""Bytes: a bot's description and an extraction's error. Lists return them whole."""

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TO_SQUARE = bytes.maketrans(b"{}", b"[]")


def normalize_directory(working_dir: str) -> str:
    """Return the path without `//`, `.`, `..` and a trailing `/`. The file system is not consulted."""
    return posixpath.normpath("/" + working_dir.lstrip("/"))


def check_max_bytes(text: str | None, limit: int, name: str) -> None:
    """Raise TooLarge if the text is longer than `limit` bytes of UTF-8."""
    if text is not None and len(text.encode()) > limit:
        raise TooLarge(f"{name} has more than {limit} bytes", limit=limit)


def check_time(at: str | None, path: str) -> None:
    """Raise InvalidParams if the timestamp names a date that does not exist, such as June 31."""
    if at is not None:
        try:
            milliseconds(at)
        except ValueError as error:
            raise InvalidParams(str(error), path=path) from None


def encode_shallow(value: Any, path: str) -> str | None:
    """Return JSON text, or None for None.

    Raises:
        InvalidParams: objects and arrays are nested deeper than MAX_DEPTH.
    """
    if value is None:
        return None
    try:
        text = msgspec.json.encode(value)
    except RecursionError:
        text = b"[" * (MAX_DEPTH + 1)
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deep(text):
        raise InvalidParams(f"nested deeper than {MAX_DEPTH} levels", path=path)
    return text.decode()


def check_json(value: Any, limit: int, name: str) -> None:
    """Raise InvalidParams if the value is nested too deeply, and TooLarge if it is over `limit` bytes as JSON."""
    text = encode_shallow(value, f"$.{name}")
    if value and text is not None and len(text.encode()) > limit:
        raise TooLarge(f"{name} has more than {limit} bytes", limit=limit)


def _is_deep(text: bytes) -> bool:
    """Return True if JSON text has more than MAX_DEPTH levels. Each pass removes the innermost brackets."""
    brackets = _STRING.sub(b"", text).translate(_TO_SQUARE, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return False
    return True
