"""Read pages of messages: by range, key or position, and with texts cut to a length."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from msgspec import UNSET, structs

from segue.models import Message, Order, Role
from segue.results import MessagePage
from segue.store.engine.rows import wire_bytes
from segue.store.engine.tx import Tx
from segue.store.records import messages
from segue.store.search import id_ranges


class Filter(NamedTuple):
    """Conditions on messages; None accepts all. `since` is exclusive."""

    session_id: str | None = None
    after_id: int | None = None
    before_id: int | None = None
    since: str | None = None
    roles: list[Role] | None = None
    keys: list[str] | None = None
    key_prefix: str | None = None


_CONDITIONS = {
    "session_id": messages.OF_SESSION,
    "after_id": "id > :after_id",
    "before_id": "id < :before_id",
    "since": "created_at > :since",
    "roles": "role IN (SELECT value FROM json_each(:roles))",
    "keys": "key IN (SELECT value FROM json_each(:keys))",
    # No byte of UTF-8 is 255, so the range has exactly the keys that begin with the prefix.
    "key_prefix": "key >= :key_prefix AND key < :key_prefix || CAST(x'ff' AS TEXT)",
}

RARE_PREFIX = 16
"""Characters: few keys of all sessions begin with a prefix that long, so it is looked up in the index of keys."""


def list_page(
    tx: Tx,
    filter: Filter,
    *,
    limit: int,
    offset: int,
    order: Order,
    answer_bytes: int,
    around_id: int | None = None,
    text_chars: int | None = None,
) -> MessagePage:
    """Return one page of messages; it ends early, after its first message, when it exceeds `answer_bytes`.

    Raises:
        NotFound: there is no message `around_id`.
        InvalidParams: the message `around_id` is of another session.
    """
    where, values = _where(tx, filter)
    if around_id is not None:
        messages.require(tx, around_id, filter.session_id, "$.around_id")
    if filter.session_id is not None and filter.after_id is None and filter.before_id is None:
        ids = messages.conversation(tx, filter.session_id, where, **_without_session(values))
        if ids is not None:
            return _conversation_page(
                tx, filter.session_id, ids, limit, offset, order, answer_bytes, around_id, text_chars
            )
    if around_id is not None:
        around = _start_around(tx, where, values, around_id, limit, order)
        where, values = f"{where} AND id {'>=' if order == 'asc' else '<='} :start", {**values, "start": around}
    by_key = filter.keys is not None or len(filter.key_prefix or "") >= RARE_PREFIX
    table = "messages INDEXED BY messages_by_key" if by_key else "messages"  # SQLite would read the whole session.
    source = f"FROM {table} WHERE {where} ORDER BY id {order} LIMIT :limit OFFSET :offset"
    found = messages.iterate(tx, source, **values, limit=limit + 1, offset=offset)
    page = _collect(found, limit, answer_bytes, text_chars)
    if filter.session_id is not None:
        page.total = messages.count_if_any(tx, filter.session_id)
        page.first_index = _position(tx, filter.session_id, page.messages[0].id) if page.messages else None
    return page


def _without_session(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in ("session_id", "held_from")}


def _conversation_page(
    tx: Tx,
    session_id: str,
    ids: list[int],
    limit: int,
    offset: int,
    order: Order,
    answer_bytes: int,
    around_id: int | None,
    text_chars: int | None,
) -> MessagePage:
    """Return a page in the order of the conversation, which is not the order of the ids."""
    ordered = ids if order == "asc" else ids[::-1]
    start = 0
    if around_id in ordered:
        following = len(ordered) - ordered.index(around_id)
        start = max(0, ordered.index(around_id) - min(max(limit // 2, limit - following), limit - 1))
    wanted = ordered[start + offset : start + offset + limit + 1]
    page = _collect(messages.iterate_in_order(tx, wanted), limit, answer_bytes, text_chars)
    page.total = messages.count_if_any(tx, session_id)
    whole = messages.conversation(tx, session_id) or []
    page.first_index = whole.index(page.messages[0].id) if page.messages else None
    return page


def _where(tx: Tx, filter: Filter) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {name: value for name, value in filter._asdict().items() if value is not None}
    conditions = [_CONDITIONS[name] for name in values]
    if filter.session_id is None:
        conditions.append(messages.OF_ALL)
    else:
        values["held_from"] = messages.held_from(tx, filter.session_id)
    if filter.since is not None:  # There is no index of times.
        conditions.append("id >= :first_after")
        values["first_after"] = id_ranges.first_after(tx, filter.since)
    for name in ("roles", "keys"):
        if name in values:
            values[name] = json.dumps(values[name])
    return " AND ".join(conditions), values


def _start_around(tx: Tx, where: str, values: dict[str, Any], around_id: int, limit: int, order: Order) -> int:
    """Return the first id of the page that has the message in its middle.

    Where fewer messages follow than half a page, more of the ones before are taken.
    """
    before, after = ("<", ">=") if order == "asc" else (">", "<=")
    towards_start, towards_end = ("desc", "asc") if order == "asc" else ("asc", "desc")
    count = f"SELECT count(*) FROM (SELECT 1 FROM messages WHERE {where} AND id {after} :around LIMIT :limit)"
    following = tx.run(count, **values, around=around_id, limit=limit).fetchone()[0]
    wanted = max(limit // 2, limit - following)
    row = tx.run(
        f"""
        SELECT id FROM (
            SELECT id FROM messages WHERE {where} AND id {before} :around ORDER BY id {towards_start} LIMIT :wanted
        ) ORDER BY id {towards_end} LIMIT 1
        """,
        **values,
        around=around_id,
        wanted=min(wanted, limit - 1),
    ).fetchone()
    return around_id if row is None else int(row[0])


def _collect(found: Iterator[Message | None], limit: int, answer_bytes: int, text_chars: int | None) -> MessagePage:
    page = MessagePage(messages=[], has_more=False)
    size = 0
    for number, original in enumerate(found):
        if number == limit:
            page.has_more = True
            break
        if original is None:
            continue
        message = original if text_chars is None else cut_texts(original, text_chars)
        size += wire_bytes(message)
        if page.messages and size > answer_bytes:
            page.has_more = True
            break
        page.messages.append(message)
    return page


def _position(tx: Tx, session_id: str, message_id: int) -> int:
    row = tx.run(
        f"SELECT count(*) FROM messages WHERE {messages.OF_SESSION} AND id < :id",
        session_id=session_id,
        held_from=messages.held_from(tx, session_id),
        id=message_id,
    ).fetchone()
    return int(row[0])


def cut_texts(message: Message, chars: int) -> Message:
    """Cut each string of content and parts to a number of characters, and record the lengths in `cut`."""
    lengths: dict[str, int] = {}

    def cut(value: Any, path: str) -> Any:
        if isinstance(value, str) and len(value) > chars:
            lengths[path] = len(value)
            return value[:chars]
        if isinstance(value, list):
            return [cut(item, f"{path}[{number}]") for number, item in enumerate(value)]
        if isinstance(value, dict):
            return {name: cut(item, f"{path}.{name}") for name, item in value.items()}
        return value

    content, parts = cut(message.content, "content"), cut(message.parts, "parts")
    return structs.replace(message, content=content, parts=parts, cut=lengths or UNSET)
