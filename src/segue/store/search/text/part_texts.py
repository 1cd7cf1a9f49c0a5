"""The searchable texts inside `parts`: every string and number at any depth, except base64."""

import re
from contextlib import suppress
from typing import Any

import msgspec

MAX_TEXT_BYTES = 64 * 1024
"""Bytes: the beginning of a longer string that is searched."""

MIN_BASE64_CHARS = 256
"""Characters: a string of base64 form that is longer than this is data."""

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/\r\n]+|[A-Za-z0-9_\-\r\n]+)={0,2}\s*")
_DATA_URL = re.compile(r"data:[^\s,]{0,200},", re.IGNORECASE)
_BINARY_TYPE = re.compile("image|audio|video|file|document", re.IGNORECASE)


def part_texts(parts: str | None) -> list[str]:
    """Return the texts inside `parts` (JSON) in order."""
    found: list[str] = []
    if parts is not None:
        with suppress(msgspec.DecodeError, RecursionError):  # Another program may have changed the row.
            _collect(msgspec.json.decode(parts), found, in_binary_part=False)
    return found


def _collect(value: Any, found: list[str], *, in_binary_part: bool) -> None:
    if isinstance(value, str):
        if not _is_data(value):
            found.append(_beginning(value))
    elif isinstance(value, list):
        for item in value:
            _collect(item, found, in_binary_part=in_binary_part)
    elif isinstance(value, dict):
        kind = value.get("type")
        in_binary_part = in_binary_part or (isinstance(kind, str) and _BINARY_TYPE.search(kind) is not None)
        for name, item in value.items():
            if not (in_binary_part and name == "data"):
                _collect(item, found, in_binary_part=in_binary_part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found.append(str(value))


def _is_data(text: str) -> bool:
    if _DATA_URL.match(text):
        return True
    return len(text) > MIN_BASE64_CHARS and _BASE64.fullmatch(text) is not None


def _beginning(text: str) -> str:
    if len(text) * 4 <= MAX_TEXT_BYTES:
        return text
    return text.encode(errors="replace")[:MAX_TEXT_BYTES].decode(errors="ignore")
