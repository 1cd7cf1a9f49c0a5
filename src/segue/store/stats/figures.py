"""Figures of the messages: what statistics need, without reading a million messages.

1. `message_figures` has a row for each session, model and block of 4096 message ids: sums, and a series with the same
   sums for each millisecond. A range of time that cuts a row is counted with its series.
2. The rows hold the messages up to the id in `daemon_state`. Appends do not touch them. The maintenance worker and
   every request for statistics advance that id in slices (`step`), each in a write transaction of its own.
3. A trigger removes the figures of a session's block when one of its messages changes or is deleted, and lists the
   block in `message_recounts`. Its messages are counted again in slices too.
4. Messages that are not counted yet are read when statistics are asked for (`uncounted`), so the answer is exact.
5. Rows of `purges` hide messages from readers, not from the figures: a copy that is not complete is hidden as well.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from segue.conversation.parts import tool_calls
from segue.store.engine import daemon_state
from segue.store.engine.tx import Tx
from segue.store.records.messages import OF_ALL
from segue.store.stats.series import Moments, Series, add, decode_series, encode_series, merge, total
from segue.timestamps import milliseconds

BLOCK_BITS = 12
"""Bits: a block covers 4096 message ids. The triggers of migration 4 have the same number."""

LAG = 500
"""Messages: the newest ones, which are not counted yet, because clients still change them."""

SLICE_MESSAGES = 2000
SLICE_SESSIONS = 300
SLICE_BYTES = 256 * 1024
"""Messages, their sessions and bytes of their parts: the most that is counted in one transaction. It takes about 5 ms.

A larger slice costs less, because each one decodes and encodes the series of all of its sessions.
"""

UPTO = "figures_upto"
"""The name of the id in `daemon_state`; the triggers of migration 4 have it too."""


class Key(NamedTuple):
    """The key of a row of figures; the empty model stands for none."""

    session_id: str
    block: int
    model: str


class Figures(NamedTuple):
    """A row of figures: the key, the first and last millisecond, and the sums. Flat, because there are many."""

    session_id: str
    block: int
    model: str
    first_at: int
    last_at: int
    messages: int
    user_messages: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    moments: str | None
    """The encoded series; None if it is not read yet."""
    id: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """Return the sums in the order of `Counts`."""
        return self[5:10]


class Recount(NamedTuple):
    """A session's block that is counted again, and the id up to which it is."""

    session_id: str
    block: int
    upto: int


_COLUMNS = """
    id, CAST(session_id AS BLOB), CAST(created_at AS BLOB), coalesce(CAST(model AS BLOB), x''), role = 'user',
    CAST(parts AS BLOB), coalesce(input_tokens, 0), coalesce(output_tokens, 0)
"""
_OF_BLOCK = "session_id = :session_id AND id >= :first AND id <= :last"
_PURGED = f"""
    SELECT session_id, before_id FROM purges
    WHERE before_id & {(1 << BLOCK_BITS) - 1} AND EXISTS (SELECT 1 FROM sessions WHERE id = session_id)
"""
"""Purges that end within a block."""

_NEXT_RECOUNT = """
    SELECT session_id, block, upto FROM message_recounts
    WHERE NOT EXISTS (SELECT 1 FROM purges WHERE purges.session_id = message_recounts.session_id) LIMIT 1
"""
"""Blocks from which a purge removes messages wait for its end, because each of its slices lists them again."""

_FIGURES = ", ".join(Figures._fields[:10])
_KEPT = f"SELECT {_FIGURES}, NULL, id FROM message_figures WHERE last_at > :since AND first_at <= :until"
_ONE = (
    f"SELECT {_FIGURES}, moments FROM message_figures WHERE {' AND '.join(f'{name} = :{name}' for name in Key._fields)}"
)
_INSERT = f"""
    INSERT OR REPLACE INTO message_figures ({_FIGURES}, moments)
    VALUES ({", ".join(f":{name}" for name in Figures._fields[:11])})
"""


def counted_upto(tx: Tx) -> int:
    """Return the id up to which messages are counted."""
    return int(daemon_state.get(tx, UPTO) or 0)


def is_behind(tx: Tx, newest: int) -> bool:
    """Return True if messages up to the id `newest` are to be counted, at least a slice."""
    return newest - LAG - counted_upto(tx) >= SLICE_MESSAGES


def is_due(tx: Tx, newest: int) -> bool:
    """Return True if messages are to be counted, new ones or again."""
    return is_behind(tx, newest) or tx.run(_NEXT_RECOUNT).fetchone() is not None


def step(tx: Tx, newest: int) -> int:
    """Count a slice of a block that changed, and a slice of the messages up to the id `newest`.

    Return about how many messages up to `newest` are left.

    The second leaves out blocks that are being counted again, because they are counted up to the new position.
    """
    recount, behind = tx.run(_NEXT_RECOUNT).fetchone(), is_behind(tx, newest)
    limit = SLICE_MESSAGES // 2 if recount and behind else SLICE_MESSAGES
    if recount:
        _recount_slice(tx, Recount(*recount), limit)
    if behind:
        target = newest - LAG
        last, found = _count(_slice(tx, limit, "id > :upto AND id <= :target", upto=counted_upto(tx), target=target))
        again = {(recount.session_id, recount.block) for recount in _recounts(tx)}
        _add(tx, {key: series for key, series in found.items() if key[:2] not in again})
        daemon_state.set(tx, UPTO, str(target if last is None else last))
    return newest - counted_upto(tx)


def kept(tx: Tx, since: int, until: int) -> Iterator[Figures]:
    """Return the rows that may count messages in a range of time, and count no purged ones."""
    purged = dict(tx.run("SELECT session_id, before_id FROM purges").fetchall())
    rows = map(Figures._make, tx.run(_KEPT, since=since, until=until))
    return (row for row in rows if row.block << BLOCK_BITS >= purged.get(row.session_id, 0)) if purged else rows


def uncounted(tx: Tx) -> Iterator[Figures]:
    """Yield figures of the messages that no row counts: new ones, changed ones, and the rest of a purged block.

    Rows of a block whose beginning is purged count hidden messages too, so they are not to be used.
    """
    upto = counted_upto(tx)
    yield from _figures(tx, OF_ALL, "id > :upto", upto=upto)
    purged = {(session_id, first >> BLOCK_BITS): first for session_id, first in tx.run(_PURGED)}
    for recount in _recounts(tx):
        if (recount.session_id, recount.block) not in purged:
            yield from _figures(tx, OF_ALL, _OF_BLOCK, **_rest(tx, recount))
    for (session_id, block), first in purged.items():
        last = min(end_of(block), upto)
        yield from _figures(tx, "true", _OF_BLOCK, session_id=session_id, first=first, last=last)


def end_of(block: int) -> int:
    """Return the last id of a block."""
    return ((block + 1) << BLOCK_BITS) - 1


def moments(tx: Tx, figures: Figures) -> Moments:
    """Return the series of a row."""
    text = figures.moments
    if text is None:
        text = tx.run("SELECT moments FROM message_figures WHERE id = :id", id=figures.id).fetchone()[0]
    if not text:
        return Moments(figures.first_at, [0], [*figures.counts])
    return decode_series(figures.first_at, text)


def _recounts(tx: Tx) -> list[Recount]:
    """Return the blocks that are being counted again."""
    return [Recount(*row) for row in tx.run("SELECT session_id, block, upto FROM message_recounts")]


def _recount_slice(tx: Tx, recount: Recount, limit: int) -> None:
    last, found = _count(_slice(tx, limit, _OF_BLOCK, **_rest(tx, recount)))
    _add(tx, found)
    values: dict[str, Any] = {"session_id": recount.session_id, "block": recount.block}
    if last is None:
        tx.run("DELETE FROM message_recounts WHERE session_id = :session_id AND block = :block", **values)
    else:
        sql = "UPDATE message_recounts SET upto = :upto WHERE session_id = :session_id AND block = :block"
        tx.run(sql, **values, upto=last)


def _rest(tx: Tx, recount: Recount) -> dict[str, str | int]:
    """Return the session and the range of ids that are still to be counted again."""
    first = max(recount.upto + 1, recount.block << BLOCK_BITS)
    return {"session_id": recount.session_id, "first": first, "last": min(end_of(recount.block), counted_upto(tx))}


def _slice(tx: Tx, limit: int, where: str, **values: str | int) -> Iterator[tuple[Any, ...]]:
    """Yield the first messages, at least one, up to `limit`, `SLICE_BYTES` and `SLICE_SESSIONS`."""
    size, sessions = 0, set[bytes]()
    sql = f"SELECT {_COLUMNS} FROM messages WHERE {where} ORDER BY id LIMIT :limit"
    for row in tx.run(sql, **values, limit=limit):
        yield row
        size += len(row[5] or b"")
        sessions.add(row[1])
        if size > SLICE_BYTES or len(sessions) == SLICE_SESSIONS:
            break


def _figures(tx: Tx, held: str, where: str, **values: str | int) -> Iterator[Figures]:
    _, found = _count(tx.run(f"SELECT {_COLUMNS} FROM messages WHERE {where} AND {held}", **values))
    for key, series in found.items():
        yield _row(key, series)


def _count(rows: Iterable[tuple[Any, ...]]) -> tuple[int | None, dict[Key, Series]]:
    """Return the id of the last row, and the series of each key.

    Messages whose time is damaged are left out, as pages leave them out.
    """
    last, found, by_columns = None, dict[Key, Series](), dict[tuple[bytes, int, bytes], Series]()
    for last, session_id, created_at, model, is_user, parts, input_tokens, output_tokens in rows:
        try:
            at = milliseconds(_text(created_at))
        except ValueError:
            continue
        block = last >> BLOCK_BITS
        series = by_columns.get((session_id, block, model))
        if series is None:
            series = found.setdefault(Key(_text(session_id), block, _text(model)), {})
            by_columns[session_id, block, model] = series
        add(series, at, (1, is_user, _count_calls(parts), input_tokens, output_tokens))
    return last, found


def _count_calls(parts: bytes | None) -> int:
    if parts is None:
        return 0
    try:
        return len(tool_calls(msgspec.json.decode(parts, type=list[dict[str, Any]])))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0


def _text(column: bytes) -> str:
    return column.decode(errors="replace")


def _row(key: Key, series: Series) -> Figures:
    return Figures._make([*key, min(series), max(series), *total(series.values()), encode_series(series), 0])


def _add(tx: Tx, found: dict[Key, Series]) -> None:
    for key, series in found.items():
        if row := tx.run(_ONE, **key._asdict()).fetchone():
            merge(series, moments(tx, Figures._make([*row, 0])))
        values = _row(key, series)._asdict()
        del values["id"]
        tx.run(_INSERT, **values)
