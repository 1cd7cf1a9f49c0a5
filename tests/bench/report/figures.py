"""The measured values and their summary, which is also the format of `results.json`."""

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

T = TypeVar("T")

TINY = 1e-9
"""Rounding error allowed when many shares are added."""


class Load(msgspec.Struct):
    """The measurements of the load generators in one turn."""

    milliseconds: list[list[float]]
    """Duration of each request, by client."""
    answered: int
    """Requests answered within the turn's time."""
    seconds: float
    client_cpu: float
    """CPU seconds of the load generators."""
    server_cpu: float | None = None
    """CPU seconds of all server processes; None without a server or without /proc."""
    memory: int | None = None
    """Bytes of the server's memory at the end of the turn."""


class Figures(msgspec.Struct, frozen=True):
    """One system under a number of clients."""

    system: str
    clients: int
    per_second: float
    mean: float
    p50: float
    p99: float
    longest: float
    client_cpu: float
    """Cores that the load generators use on the same machine."""
    server_cpu: float | None
    memory: int | None
    spread: float = 0
    """The difference of the quickest and the slowest turn as a share of `per_second`."""

    @property
    def microseconds_each(self) -> float | None:
        """Return the server's CPU time per request, the figure that other work on the machine changes least."""
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
    spread: float | None = None
    """The difference of the largest and the smallest of segue's rounds as a share of their median."""

    @property
    def ratio(self) -> float:
        return ratio(self.ours, self.theirs)


class Results(msgspec.Struct):
    """The results of a run."""

    date: str
    machine: str
    command: str
    figures: list[Figures] = []
    rows: list[Row] = []
    absent: list[str] = []
    """Systems that could not be measured, with the reason."""


def percentile(clients: Sequence[Sequence[float]], share: float) -> float:
    """Return the smallest value that a `share` (0 to 1) of the values does not exceed, with equal weights for clients.

    With equal weights, a client that holds a lock for a thousand fast requests does not hide the waiting ones. A client
    without a value does not count.

    Raises:
        ValueError: no client has a value.
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
    """Return the median, the lower of two middle values."""
    return percentile([values], 0.5)


def ratio(ours: float, theirs: float) -> float:
    """Return segue's figure divided by the peer's; infinity if only the peer's is 0."""
    if not theirs:
        return 1 if not ours else math.inf
    return ours / theirs


def summarize(system: str, clients: int, turns: Sequence[Load]) -> Figures:
    """Summarize all turns of a system."""
    times = [client for turn in turns for client in turn.milliseconds]
    seconds = sum(turn.seconds for turn in turns)
    speeds = [turn.answered / turn.seconds for turn in turns]
    return Figures(
        system=system,
        clients=clients,
        per_second=median(speeds),
        mean=sum(map(sum, times)) / sum(map(len, times)),
        p50=percentile(times, 0.5),
        p99=percentile(times, 0.99),
        longest=max(map(max, filter(None, times))),
        client_cpu=sum(turn.client_cpu for turn in turns) / seconds,
        server_cpu=_cores(turns, seconds),
        memory=max(_known(turn.memory for turn in turns), default=None),
        spread=spread_of(speeds),
    )


def systems_in_all(figures: Sequence[Figures]) -> list[str]:
    """Return the systems measured with every number of clients."""
    clients = {one.clients for one in figures}
    systems = dict.fromkeys(one.system for one in figures)
    return [name for name in systems if {one.clients for one in figures if one.system == name} == clients]


def spread_of(rounds: Sequence[float]) -> float:
    """Return the difference of the largest and the smallest value as a share of the median."""
    return ratio(max(rounds) - min(rounds), median(rounds))


def within(
    what: str, ours: float, against: str, theirs: float, unit: str, at_most: float, spread: float | None = None
) -> Row:
    """Return a row whose ratio must not be above a bound."""
    wanted = f"≤ {at_most:g} ×"
    return Row(what, ours, against, theirs, unit, wanted, ratio(ours, theirs) <= at_most, spread)


def beyond(
    what: str, ours: float, against: str, theirs: float, unit: str, at_least: float, spread: float | None = None
) -> Row:
    """Return a row whose ratio must not be below a bound."""
    wanted = f"≥ {at_least:g} ×"
    return Row(what, ours, against, theirs, unit, wanted, ratio(ours, theirs) >= at_least, spread)


def below(
    what: str, ours: float, against: str, theirs: float, unit: str, at_most: float, spread: float | None = None
) -> Row:
    """Return a row with a bound for segue's own value."""
    return Row(what, ours, against, theirs, unit, f"≤ {at_most:g} {unit}", ours <= at_most, spread)


def _cores(turns: Sequence[Load], seconds: float) -> float | None:
    known = list(_known(turn.server_cpu for turn in turns))
    return sum(known) / seconds if known else None


def _known(values: Iterable[T | None]) -> Iterable[T]:
    return (value for value in values if value is not None)
