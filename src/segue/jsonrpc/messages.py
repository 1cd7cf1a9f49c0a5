"""Parse the requests of JSON-RPC 2.0, and build its responses."""

import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from segue.errors import InvalidRequest, ParseError, SegueError

SLICE_BYTES = 256 * 1024
"""Bytes: what `count_values` scans between two yields, in about a millisecond."""

Id = str | int | float | None


class Request(NamedTuple):
    """A valid request, or a notification if `expects_response` is false."""

    method: str
    params: Any
    id: Id
    expects_response: bool


class PlainRequest(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A valid request, no notification, with its params as bytes."""

    jsonrpc: Literal["2.0"]
    method: str
    params: Raw = Raw(b"{}")
    id: Id


_SURROGATES = re.compile(
    # An escaped backslash and a pair match first, so that group 1 matches a lone surrogate only.
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_decode = msgspec.json.Decoder().decode
_decode_plain = msgspec.json.Decoder(PlainRequest).decode
_encode = msgspec.json.Encoder().encode


def parse_plain(line: bytes) -> PlainRequest | None:
    """Return the request of a line; None for a notification, a batch, and whatever else `parse_request` decides."""
    try:
        return _decode_plain(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def parse_json(line: bytes) -> Any:
    """Return the JSON value of a line. A lone surrogate in a string is taken as U+FFFD.

    Raises:
        ParseError: the line is not JSON, or nested deeper than the parser allows.
    """
    try:
        return decode_json(line)
    except ParseError:
        return decode_json(replace_lone_surrogates(line))


def decode_json(line: bytes) -> Any:
    """Return the JSON value of a line without lone surrogates.

    Raises:
        ParseError: the line is not JSON, or nested deeper than the parser allows.
    """
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ParseError(f"not JSON: {error}") from None
    except RecursionError:
        raise ParseError("nested too deeply") from None


def replace_lone_surrogates(line: bytes) -> bytes:
    """Return JSON text whose escaped surrogates without a partner are escapes of U+FFFD."""
    return _SURROGATES.sub(lambda found: b"\\ufffd" if found[1] else found[0], line)


class Density(NamedTuple):
    """The number of values in a line, which decides the time to parse it."""

    structures: int = 0
    """Arrays, objects and members of objects."""
    values: int = 0
    """Values that another one follows."""
    names: int = 0
    """Different names of members. Parsing one takes six times as long as an array or a name that came before."""

    def excess(self, bounds: "Density") -> str | None:
        """Return what there is more of than the bounds allow, such as `values`."""
        over = (name for name, count, bound in zip(self._fields, self, bounds, strict=True) if count > bound)
        return next(over, None)


def density(text: bytes) -> Density:
    """Count in text without strings, or the most in any JSON: the parser itself bounds how many brackets are open."""
    colons = text.count(b":")
    return Density(text.count(b"]") + text.count(b"}") + colons, text.count(b","), colons)


def count_values(line: bytes) -> Iterator[Density]:
    """Yield the counts so far, after each slice of the line.

    1. Cut a slice that does not end within an escape.
    2. Replace its escaped backslashes and quotes by characters that no JSON has.
    3. Split it at the quotes that are left: every second piece is a string.
    4. Count in the other pieces, and keep the strings that a colon follows. One at the end of a slice may be missed.
    """
    structures = values = start = 0
    names: set[bytes] = set()
    in_string = False
    while start < len(line):
        part = line[start : start + SLICE_BYTES]
        if (len(part) - len(part.rstrip(b"\\"))) % 2:
            part = line[start : start + SLICE_BYTES + 1]
        start += len(part)
        pieces = part.replace(b"\\\\", b"\1").replace(b'\\"', b"\2").split(b'"')
        outside, strings = pieces[in_string::2], pieces[not in_string :: 2]
        followed = zip(strings, outside[not in_string :], strict=False)
        names.update(string for string, after in followed if after.lstrip().startswith(b":"))
        in_string ^= len(pieces) % 2 == 0
        found = density(b"".join(outside))
        structures, values = structures + found.structures, values + found.values
        yield Density(structures, values, len(names))


def usable_id(item: Any) -> Id:
    """Return the id for the response to an invalid request: its own if that is a string or a number, else null."""
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str | int | float) and not isinstance(found, bool) else None


def parse_request(item: Any) -> Request:
    """Return the request in a JSON value.

    Raises:
        InvalidRequest: the value is not a request; the message says why.
    """
    if not isinstance(item, dict):
        raise InvalidRequest("a request must be an object")
    if item.get("jsonrpc") != "2.0":
        raise InvalidRequest('jsonrpc must be "2.0"')
    name = item.get("method")
    if not isinstance(name, str):
        raise InvalidRequest("method must be a string")
    params = item.get("params")
    if params is not None and not isinstance(params, dict | list):
        raise InvalidRequest("params must be an object or an array")
    id = item.get("id")
    if id is not None and (isinstance(id, bool) or not isinstance(id, str | int | float)):
        raise InvalidRequest("id must be a string, a number or null")
    return Request(name, params, id, "id" in item)


def success_response(id: Id, result: Any) -> bytes:
    """Return the response with a result. Raises the errors of the encoder if the result is not JSON."""
    return _encode({"jsonrpc": "2.0", "result": result, "id": id})


def error_response(id: Id, error: SegueError) -> bytes:
    """Return the response with an error."""
    return _encode({"jsonrpc": "2.0", "error": error.to_wire(), "id": id})
