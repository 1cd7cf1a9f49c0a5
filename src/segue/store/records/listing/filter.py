"""The sessions that pass a filter: the SQL that selects them, and their number.

Plan:

1. Most sessions meet some conditions, such as "not archived". The others have an index each (`_MOST_MEET`).
2. If few sessions meet the other conditions, they are found once, by an index of what they hold. The rest of the work
   is done with these few.
3. Otherwise they are counted by an index, and those that fail the conditions of 1 are subtracted. A page of them is
   soon found in the order of the list.
"""

import json
from typing import Any, NamedTuple

import msgspec

from segue.models import Metadata
from segue.store.engine.tx import Tx
from segue.store.records.listing import names
from segue.store.search.session_entries import EACH_TAG, NOT_OF_A_STORE, OF_A_STORE


class Filter(NamedTuple):
    """Conditions on sessions; None accepts all. `id_prefix` and `name_contains` are literal."""

    working_dir: str | None = None
    bot_id: str | None = None
    status: str | None = None
    id_prefix: str | None = None
    name_contains: str | None = None
    pinned: bool | None = None
    project: str | None = None
    archived: bool | None = None
    parent_id: str | None = None
    source: str | None = None
    tags: list[str] | None = None
    metadata: Metadata | None = None
    used_on: list[int] | None = None
    """The numbers of the machines that used the session last; none for this one."""


class Selection(NamedTuple):
    """The sessions that pass a filter."""

    matches: str
    """The condition in SQL."""
    values: dict[str, Any]
    total: int
    """Their number; 0 if they were not counted."""
    is_few: bool
    """True if the condition has their rowids, so that a sort takes less time than a search in the list's order."""


_CONDITIONS = {
    "working_dir": "working_dir = :working_dir",
    "bot_id": "bot_id = :bot_id",
    "status": "status = :status",
    # No byte of UTF-8 is 255, so the range has exactly the ids that begin with the prefix.
    "id_prefix": "id >= :id_prefix AND id < :id_prefix || CAST(x'ff' AS TEXT)",
    "project": "project = :project",
    "parent_id": "parent_id = :parent_id",
    "tags": f"""
        (:tags = '[]' OR tags <> '[]')
        AND NOT EXISTS (SELECT value FROM json_each(:tags) EXCEPT SELECT value FROM {EACH_TAG.format("sessions")})
    """,
    "metadata": "(:metadata = '{}' OR metadata <> '{}') AND has_members(CAST(metadata AS BLOB), :metadata)",
}

_ELSEWHERE = """
    SELECT 1 FROM sync_elsewhere AS e WHERE e.session_id = sessions.id
    AND NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.session_id = e.session_id AND m.id > e.upto)
"""
_USED_HERE = f"NOT EXISTS ({_ELSEWHERE})"
_USED_THERE = f"EXISTS ({_ELSEWHERE} AND e.machine IN (SELECT value FROM json_each(:used_on)))"

NOT_ARCHIVED = "NOT archived"
NOT_PINNED = "NOT pinned"
NOT_IMPORTED = "source_tool IS NULL"

_MOST_MEET = {
    NOT_ARCHIVED: ("archived", "sessions_archived"),
    NOT_PINNED: ("pinned", "sessions_pinned"),
    NOT_IMPORTED: ("source_tool IS NOT NULL", "sessions_by_source"),
    NOT_OF_A_STORE: (OF_A_STORE, "sessions_of_stores"),
}
"""Conditions that most sessions meet, and those of the others with their indexes."""

FEW = 1000
"""Sessions: fewer are found by the filter and sorted; more are soon found in the order of the list."""


def select(tx: Tx, filter: Filter, *, counted: bool = True) -> Selection:
    """Return the condition that the sessions meet, and how many do if they are to be counted."""
    conditions, values = _where(tx, filter)
    few = _find_few(tx, conditions, values)
    if few is not None:
        conditions = ["rowid IN (SELECT value FROM json_each(:few))", *(one for one in conditions if one in _MOST_MEET)]
        values["few"] = json.dumps(few)
    total = _count(tx, conditions, values) if counted else 0
    return Selection(" AND ".join(conditions) or "true", values, total, few is not None)


def _find_few(tx: Tx, conditions: list[str], values: dict[str, Any]) -> list[int] | None:
    """Return the rowids of the sessions that meet all conditions but `_MOST_MEET`; None if there are not few."""
    selective = [one for one in conditions if one not in _MOST_MEET]
    if not selective:
        return None
    alternatives = names.PARTS if names.NAMED in selective else ("true",)
    others = [one for one in selective if one is not names.NAMED]
    sql = " UNION ALL ".join(f"SELECT rowid FROM sessions WHERE {' AND '.join([*others, one])}" for one in alternatives)
    found = [rowid for (rowid,) in tx.run(f"{sql} LIMIT {FEW}", **values)]
    return found if len(found) < FEW else None


def _count(tx: Tx, conditions: list[str], values: dict[str, Any]) -> int:
    """Return how many sessions meet all conditions.

    Those that fail one of `_MOST_MEET` are counted and subtracted, because they are few, and a look at the rows of all
    sessions takes longer than the page.
    """
    if names.NAMED in conditions:
        others = [one for one in conditions if one is not names.NAMED]
        return sum(_count(tx, [*others, one], values) for one in names.PARTS)
    met = [one for one in conditions if one not in _MOST_MEET]
    total = _count_all(tx, "", met, values)
    for condition, (failing, index) in _MOST_MEET.items():
        if condition in conditions:
            total -= _count_all(tx, f"INDEXED BY {index}" if total >= FEW else "", [failing, *met], values)
            met.append(condition)
    return total


def _count_all(tx: Tx, hint: str, conditions: list[str], values: dict[str, Any]) -> int:
    sql = f"SELECT count(*) FROM sessions {hint} WHERE {' AND '.join(conditions) or 'true'}"
    return int(tx.run(sql, **values).fetchone()[0])


def _where(tx: Tx, filter: Filter) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions that are given; SQLite can use an index for them if the other ones are left out."""
    values: dict[str, Any] = {name: value for name, value in filter._asdict().items() if value is not None}
    conditions = [_CONDITIONS[name] for name in values if name in _CONDITIONS]
    if filter.archived is not None:
        conditions.append("archived" if filter.archived else NOT_ARCHIVED)
    if filter.pinned is not None:
        conditions.append("pinned" if filter.pinned else NOT_PINNED)
    if filter.source is not None:
        conditions.append("source_tool = :source" if filter.source else NOT_IMPORTED)
    if filter.name_contains:
        conditions.append(names.NAMED)
        values |= names.values(filter.name_contains)
    if filter.tags is not None:
        values["tags"] = json.dumps(filter.tags)
    if filter.used_on is not None:
        conditions.append(_USED_THERE if filter.used_on else _USED_HERE)
        values["used_on"] = json.dumps(filter.used_on)
    if "segue.kind" not in (filter.metadata or {}) and not filter.id_prefix:
        conditions.append(NOT_OF_A_STORE)
    if filter.metadata is not None:
        if filter.metadata.get("segue.kind") == "store":
            conditions.append(OF_A_STORE)
        values["metadata"] = msgspec.json.encode(filter.metadata).decode()
        tx.connection.create_function("has_members", 2, has_members, deterministic=True)
    return conditions, values


def has_members(metadata: bytes, wanted: str) -> bool:
    """Return True if the object has each member of the wanted one, with an equal value."""
    try:
        stored = msgspec.json.decode(metadata, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    members = msgspec.json.decode(wanted, type=dict[str, Any])
    return all(name in stored and _sorted(stored[name]) == _sorted(value) for name, value in members.items())


def _sorted(value: Any) -> bytes:
    # Compared as text, because Python considers true, 1 and 1.0 equal.
    return msgspec.json.encode(value, order="sorted")
