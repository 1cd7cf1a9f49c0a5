"""Sums of sessions, messages, tool calls and tokens, by time, model, tool or project."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from segue.models import MAX_INTEGER, StatsGroup
from segue.results import Stats, StatsRow, StatsTotal
from segue.store.engine.rows import wire_bytes
from segue.store.engine.tx import Tx
from segue.store.search.session_entries import NOT_OF_A_STORE
from segue.store.search.time_limit import TookTooLong as TookTooLong
from segue.store.search.time_limit import time_limit
from segue.store.stats import figures
from segue.store.stats.figures import Figures
from segue.store.stats.periods import Periods
from segue.store.stats.periods import UnknownZone as UnknownZone
from segue.store.stats.periods import find_zone as find_zone
from segue.store.stats.series import Counts, Moments
from segue.timestamps import milliseconds

MAX_ROWS = 10_000

_CONDITIONS = {
    "working_dir": "working_dir = :working_dir",
    "project": "project = :project",
    "source": "coalesce(source_tool, '') = :source",
}


class Filter(NamedTuple):
    """Conditions; None accepts all. `since` is exclusive, `until` inclusive; an empty `source` is no tool."""

    since: str | None = None
    until: str | None = None
    working_dir: str | None = None
    project: str | None = None
    source: str | None = None


class Session(NamedTuple):
    """The attributes of a session that its messages are grouped by."""

    project: str | None
    tool: str | None
    model: str | None


class Sums:
    """The counts of a group, and the sessions that they come from."""

    __slots__ = ("input_tokens", "messages", "output_tokens", "sessions", "tool_calls", "user_messages")

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.messages = self.user_messages = self.tool_calls = self.input_tokens = self.output_tokens = 0

    def add(self, counts: Iterable[int]) -> None:
        """Add counts, in the order of `Counts`."""
        messages, user_messages, tool_calls, input_tokens, output_tokens = counts
        self.messages += messages
        self.user_messages += user_messages
        self.tool_calls += tool_calls
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens

    def counts(self) -> list[int]:
        """Return the counts, which stop at the largest integer."""
        return [min(getattr(self, name), MAX_INTEGER) for name in Counts._fields]

    def members(self) -> dict[str, int]:
        """Return the members of a row."""
        return {"sessions": len(self.sessions), **dict(zip(Counts._fields, self.counts(), strict=True))}


def collect(tx: Tx, filter: Filter, group_by: StatsGroup, zone: str, answer_bytes: int, seconds: float) -> Stats:
    """Return the sums of each group and of all.

    Rows of time are ascending, others by their number of messages. At most `MAX_ROWS` that fit into `answer_bytes` are
    returned, the newest or those with the most messages.

    Raises:
        TookTooLong: the statements took more than `seconds`.
    """
    with time_limit(tx.connection, seconds):
        groups = _Collector(tx, filter, group_by, zone).collect()
    by_time = group_by in ("day", "week", "month")
    if by_time:
        order = sorted(groups, key=str, reverse=True)
    else:
        order = sorted(groups, key=lambda key: (-groups[key].messages, key is None, str(key)))
    result = Stats(rows=[], total=StatsTotal(**_total(groups.values()).members()), has_more=False)
    size = 0
    for key in order:
        row = StatsRow(key=key, **groups[key].members())
        size += wire_bytes(row)
        if len(result.rows) == MAX_ROWS or (result.rows and size > answer_bytes):
            result.has_more = True
            break
        result.rows.append(row)
    if by_time:
        result.rows.reverse()
    return result


class _Collector:
    """The sums of the figures of the sessions that pass the filter."""

    def __init__(self, tx: Tx, filter: Filter, group_by: StatsGroup, zone: str) -> None:
        self._tx = tx
        self._since = -MAX_INTEGER if filter.since is None else milliseconds(filter.since)
        self._until = MAX_INTEGER if filter.until is None else milliseconds(filter.until)
        self._sessions = _sessions(tx, filter)
        self._group_by = group_by
        if group_by == "day" or group_by == "week" or group_by == "month":
            self._periods = Periods(group_by, zone)
        self._groups: dict[str | None, Sums] = {}

    def collect(self) -> dict[str | None, Sums]:
        """Return the sums of each group."""
        add = self._add_by_time if self._group_by not in _KEYS else self._add_by_attribute
        for several in (figures.kept(self._tx, self._since, self._until), figures.uncounted(self._tx)):
            for row in several:
                if row.session_id in self._sessions:
                    add(row)
        return self._groups

    def _add_by_attribute(self, row: Figures) -> None:
        key = _KEYS[self._group_by](row.model, self._sessions[row.session_id])
        if self._since < row.first_at and row.last_at <= self._until:
            self._count(key, row.session_id, row.counts)
        else:
            moments = figures.moments(self._tx, row)
            self._count(key, row.session_id, moments.counts(*self._range(moments)))

    def _add_by_time(self, row: Figures) -> None:
        """Add a row as a whole if one period has all of its messages, else each period's part of it."""
        if self._since < row.first_at and row.last_at <= self._until:
            key = self._periods.common(row.first_at, row.last_at)
            if key is not None:
                self._count(key, row.session_id, row.counts)
                return
        moments = figures.moments(self._tx, row)
        start, last = self._range(moments)
        while start < last:
            key, until = self._periods.span(moments.first_at + moments.offsets[start])
            end = min(moments.until(until - 1, start), last)
            self._count(key, row.session_id, moments.counts(start, end))
            start = end

    def _range(self, moments: Moments) -> tuple[int, int]:
        """Return the positions of the first moment in the range of time, and of the first one after it."""
        start = moments.until(self._since)
        return start, max(start, moments.until(self._until))

    def _count(self, key: str | None, session_id: str, counts: Sequence[int]) -> None:
        if counts[0]:
            try:
                sums = self._groups[key]
            except KeyError:
                sums = self._groups[key] = Sums()
            sums.sessions.add(session_id)
            sums.add(counts)


def _total(groups: Iterable[Sums]) -> Sums:
    total = Sums()
    for sums in groups:
        total.add(sums.counts())
        total.sessions |= sums.sessions
    return total


_KEYS: dict[str, Callable[[str, Session], str | None]] = {
    "model": lambda model, session: model or session.model,
    "tool": lambda _, session: session.tool,
    "project": lambda _, session: session.project,
}


def _sessions(tx: Tx, filter: Filter) -> dict[str, Session]:
    values: dict[str, Any] = {name: value for name, value in filter._asdict().items() if name in _CONDITIONS}
    values = {name: value for name, value in values.items() if value is not None}
    where = " AND ".join((NOT_OF_A_STORE, *(_CONDITIONS[name] for name in values)))
    rows = tx.run(f"SELECT id, project, source_tool, model FROM sessions WHERE {where}", **values)
    return {id: Session(*attributes) for id, *attributes in rows}
