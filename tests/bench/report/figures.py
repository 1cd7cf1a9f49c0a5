"""What is measured and how it is summed up: pure, and the form of `results.json`."""

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

T = TypeVar("T")

TINY = 1e-9
"""What adding up so many shares may be off by."""


class Load(msgspec.Struct):
    """What load-generating processes saw in one turn."""

    milliseconds: list[list[float]]
    """For each client how long each of its requests took."""
    answered: int
    """How many requests were answered within the turn's time."""
    seconds: float
    client_cpu: float
    """CPU seconds of the processes that make the requests."""
    server_cpu: float | None = None
    """CPU seconds of the server with all its processes; None if there is no server or no /proc."""
    memory: int | None = None
    """Bytes that the server holds at the end of the turn."""


class Figures(msgspec.Struct, frozen=True):
    """One system under so many clients."""

    system: str
    clients: int
    per_second: float
    mean: float
    p50: float
    p99: float
    longest: float
    client_cpu: float
    """Cores kept busy by the processes that make the requests, on the same machine."""
    server_cpu: float | None
    memory: int | None

    @property
    def microseconds_each(self) -> float | None:
        """CPU time of the server for one request: what other work on the machine changes least."""
        return self.server_cpu / self.per_second * 1e6 if self.server_cpu is not None and self.per_second else None


class Row(msgspec.Struct, frozen=True):
    """One line of the table: two values of the same unit from the same run."""

    what: str
    ours: float
    against: str
    theirs: float
    unit: str
    wanted: str | None = None
    met: bool | None = None

    @property
    def ratio(self) -> float:
        return ratio(self.ours, self.theirs)


class Results(msgspec.Struct):
    """Everything a run found."""

    date: str
    machine: str
    command: str
    figures: list[Figures] = []
    rows: list[Row] = []
    absent: list[str] = []
    """Peers that could not be measured, and why."""


def percentile(clients: Sequence[Sequence[float]], share: float) -> float:
    """The smallest value that `share` (0 … 1) of them do not exceed, each client counting alike.

    Or one that keeps a lock for itself and is quick a thousand times would hide those that it keeps waiting. A client
    without a value does not count; ValueError if no client has one.
    """
    weighted = sorted((value, 1 / len(values)) for values in clients for value in values)
    if not weighted:
        raise ValueError("nothing was measured")
    rest = share * sum(weight for _, weight in weighted)
    for value, weight in weighted:
        rest -= weight
        if rest <= TINY:
            return value
    return weighted[-1][0]


def median(values: Sequence[float]) -> float:
    """The value in the middle, the lower one of two."""
    return percentile([values], 0.5)


def ratio(ours: float, theirs: float) -> float:
    """How many times theirs; infinite if only theirs is nothing."""
    if not theirs:
        return 1 if not ours else math.inf
    return ours / theirs


def summed_up(system: str, clients: int, turns: Sequence[Load]) -> Figures:
    """All turns as one."""
    times = [client for turn in turns for client in turn.milliseconds]
    seconds = sum(turn.seconds for turn in turns)
    return Figures(
        system=system,
        clients=clients,
        per_second=sum(turn.answered for turn in turns) / seconds,
        mean=sum(map(sum, times)) / sum(map(len, times)),
        p50=percentile(times, 0.5),
        p99=percentile(times, 0.99),
        longest=max(map(max, filter(None, times))),
        client_cpu=sum(turn.client_cpu for turn in turns) / seconds,
        server_cpu=_cores(turns, seconds),
        memory=max(_known(turn.memory for turn in turns), default=None),
    )


def everywhere(figures: Sequence[Figures]) -> list[str]:
    """The systems that were measured under every number of clients."""
    clients = {one.clients for one in figures}
    systems = dict.fromkeys(one.system for one in figures)
    return [name for name in systems if {one.clients for one in figures if one.system == name} == clients]


def within(what: str, ours: float, against: str, theirs: float, unit: str, at_most: float) -> Row:
    """A row whose ratio must not be above a bound."""
    wanted = f"≤ {at_most:g} ×"
    return Row(what, ours, against, theirs, unit, wanted, ratio(ours, theirs) <= at_most)


def beyond(what: str, ours: float, against: str, theirs: float, unit: str, at_least: float) -> Row:
    """A row whose ratio must not be below a bound."""
    wanted = f"≥ {at_least:g} ×"
    return Row(what, ours, against, theirs, unit, wanted, ratio(ours, theirs) >= at_least)


def below(what: str, ours: float, against: str, theirs: float, unit: str, at_most: float) -> Row:
    """A row whose own value must not be above a bound, whatever the other is."""
    return Row(what, ours, against, theirs, unit, f"≤ {at_most:g} {unit}", ours <= at_most)


def _cores(turns: Sequence[Load], seconds: float) -> float | None:
    known = list(_known(turn.server_cpu for turn in turns))
    return sum(known) / seconds if known else None


def _known(values: Iterable[T | None]) -> Iterable[T]:
    return (value for value in values if value is not None)
