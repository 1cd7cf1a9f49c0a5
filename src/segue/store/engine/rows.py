"""Conversion of rows to types and of values to JSON columns."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from segue.errors import InvalidData
from segue.store.engine.tx import Tx

log = logging.getLogger("segue.store")

T = TypeVar("T", bound=msgspec.Struct)
V = TypeVar("V")

MAX_REPORTED = 1000
"""Rows: the number of damaged rows that one daemon names in its log."""

reported_rows: set[str] = set()
"""The type and id of each damaged row in the log of this daemon."""

_encode = msgspec.json.Encoder().encode

JSON_COLUMNS = ("metadata", "parts", "tags")


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


def iterate_valid(
    tx: Tx, convert: Callable[[tuple[Any, ...]], V], sql: str, **values: str | float | None
) -> Iterator[V | None]:
    """Yield the converted rows of a query, and None for each row that cannot be decoded, which is logged once."""
    for row in tx.run(sql, **values):
        try:
            value = convert(row)
        except InvalidData as damaged:
            report_damaged(damaged)
            yield None
        else:
            yield value


def fill_page(found: Iterable[T | None], answer_bytes: int) -> list[T]:
    """Return the rows that are not damaged until they exceed `answer_bytes` as JSON, at least one if there is one."""
    page: list[T] = []
    size = 0
    for row in found:
        if row is None:
            continue
        size += wire_bytes(row)
        if page and size > answer_bytes:
            break
        page.append(row)
    return page


def report_damaged(damaged: InvalidData) -> None:
    """Name a damaged row in the log, once in the life of the daemon."""
    name = f"{damaged.data['what']} {damaged.data['id']}"
    if name not in reported_rows and len(reported_rows) < MAX_REPORTED:
        reported_rows.add(name)
        log.warning("damaged row: %s cannot be decoded; results omit it", name)
