"""Read a JSON object that another process wrote, and check its members."""

import sys
from typing import Any, TypeGuard


def parse_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object, or an empty one for anything else."""
    try:
        found = _parse(data)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def is_text(value: object) -> TypeGuard[str]:
    """Return True for a string without unpaired surrogates."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _parse(data: bytes) -> Any:
    """Return the value, by a parser that is imported already: the import of either takes longer than a request."""
    if "msgspec" not in sys.modules:
        import json

        return json.loads(data)
    import msgspec

    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
