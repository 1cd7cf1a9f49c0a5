"""Conversion of rows to types and of values to JSON columns."""

from typing import Any, TypeVar

import msgspec

from segue.errors import InvalidData

T = TypeVar("T", bound=msgspec.Struct)

_encode = msgspec.json.Encoder().encode

JSON_COLUMNS = ("metadata", "parts")


def decode(type: type[T], what: str, columns: tuple[str, ...], row: tuple[Any, ...]) -> T:
    """Return the value of TYPE that the columns of ROW hold.

    Raises:
        InvalidData: a column does not fit the type. The error names WHAT and the row's id.
    """
    fields = dict(zip(columns, row, strict=True))
    try:
        for name in JSON_COLUMNS:
            if fields.get(name) is not None:
                fields[name] = msgspec.json.decode(fields[name])
        return msgspec.convert(fields, type, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidData(what, fields["id"]) from None


def encode_json(value: Any) -> str | None:
    """Return VALUE as JSON text for a column; None stays NULL."""
    return None if value is None else msgspec.json.encode(value).decode()


def wire_bytes(value: msgspec.Struct) -> int:
    """Return the length of VALUE as JSON, in bytes."""
    return len(_encode(value))
