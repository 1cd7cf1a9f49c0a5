"""Check what a reader yields: a damaged file may have led to values of other types, a file's name to no text."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, structs

from segue.history.reader import Reading
from segue.history.records import HistorySession
from segue.runtime.place import wire_path

NAMES = ("id", "path", "directory", "title", "parent", "forked_from")
"""Members of a session that may be made of a file's name, whose bytes need not be UTF-8."""

T = TypeVar("T", bound=Struct)


def checked(reading: Reading) -> Iterator[HistorySession]:
    """Yield the sessions without values of other types than those of the records; they are counted."""
    for session in reading.sessions:
        messages = [one for message in session.messages if (one := _sound(message, "message", reading.skipped))]
        if whole := _sound(structs.replace(session, messages=[]), "session", reading.skipped):
            whole.messages = messages
            for name in NAMES:
                if (value := getattr(whole, name)) is not None:
                    setattr(whole, name, wire_path(value))
            yield whole


def _sound(record: T, name: str, skipped: Counter[str]) -> T | None:
    """Return the record without damaged values, None if one of these is required."""
    kind = type(record)
    if _is_of_type(record, kind):
        return record
    sound: dict[str, Any] = {}
    for field in structs.fields(kind):
        value = getattr(record, field.name)
        if _is_of_type(value, field.type):
            sound[field.name] = value
        elif field.required:
            skipped[f"damaged {name}"] += 1
            return None
        else:
            skipped[f"damaged {field.name} of a {name}"] += 1
    return kind(**sound)


def _is_of_type(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(msgspec.to_builtins(value, builtin_types=(bytes,)), kind)
    except (msgspec.ValidationError, TypeError):
        return False
    return True
