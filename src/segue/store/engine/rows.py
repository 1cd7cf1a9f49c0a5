"""A row becomes a type before it leaves the store; one that cannot is InvalidData, by name and id."""

from typing import Any, TypeVar

import msgspec

from segue.errors import InvalidData

T = TypeVar("T", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode

JSON_COLUMNS = ("metadata", "parts")


def decode(type: type[T], what: str, columns: tuple[str, ...], row: tuple[Any, ...]) -> T:
    """The value of `type` that the row's columns hold."""
    fields = dict(zip(columns, row, strict=True))
    try:
        for name in JSON_COLUMNS:
            if fields.get(name) is not None:
                fields[name] = msgspec.json.decode(fields[name])
        return msgspec.convert(fields, type, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidData(what, fields["id"]) from None


def encode_json(value: Any) -> str | None:
    """JSON text for a column; None stays NULL."""
    return None if value is None else msgspec.json.encode(value).decode()


def wire_bytes(value: msgspec.Struct) -> int:
    """How long the value is as JSON."""
    return len(_encode(value))
