"""Convert values to JSON that the daemon accepts."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec


def replace_surrogates(text: str) -> str:
    """Return the text as an exact `str`, with U+FFFD for each unpaired surrogate, because UTF-8 has none.

    Python makes such surrogates of bytes that are not UTF-8 in arguments and file names.
    """
    if text.isascii():
        return str.__str__(text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def json_value(value: Any) -> Any:
    """Return the value with all strings and numbers in a form that JSON has.

    Subclasses of str become str, and bytes are decoded as UTF-8; both get U+FFFD for what UTF-8 cannot hold.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value} cannot be sent; JSON has no NaN and no infinity")
        return value
    if isinstance(value, Mapping):
        return {json_value(name): json_value(member) for name, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="replace")
    if isinstance(value, msgspec.Struct):
        # Not to_builtins, which would turn bytes into base64.
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        members = ((encoded, getattr(value, name)) for name, encoded in names)
        return {name: json_value(member) for name, member in members if member is not msgspec.UNSET}
    return value
