"""A day of a hub with a million users, simulated: `python -m tests.bench.parts.hub_simulation`.

A sample of the users is simulated turn by turn, and each machine look by look; the counts are scaled. What one
PostgreSQL can do is measured (`tests.bench.parts.hub`). `--publish` writes the plot and the table of the manual.
"""

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from segue.manual import FOLDER
from tests.bench.parts.hub import PAGE, SEALED, Measured, recall
from tests.bench.report.day_plot import Series, day_plot
from tests.support.docs import replaced, table

# Assumptions, because a million users of segue were never measured.
USERS = 1_000_000
MESSAGES_A_DAY = 1_000
"""Messages of a user. A turn is a question, its answer and tool calls."""
MESSAGES_A_TURN = 8
"""A turn is one batch, because a machine pushes 2 s after its last append."""
MACHINES = 2
"""Machines of a user, which run all day. The first one has 80 % of the turns."""
FIRST_SHARE = 0.8
ZONES = {-8: 0.15, -5: 0.2, 0: 0.15, 1: 0.2, 5: 0.1, 8: 0.15, 9: 0.05}
"""Shares of the users by their hours from UTC."""
WORK = [1, 0.5, 0.3, 0.2, 0.2, 0.5, 1, 3, 6, 9, 10, 10, 8, 9, 10, 10, 9, 7, 5, 4, 4, 4, 3, 2]
"""Weights of the hours of a user's own day."""
LOOK_SECONDS, LONGEST_SECONDS = 30, 900
"""Seconds between two looks of a machine in use, and of an idle one. Each look without news doubles the time."""
KEPT_DAYS = 30
REPLICAS = 3
USED_SHARE = 0.5
"""The share of its measured throughput that one server is given."""

SAMPLE = 2_000
SEED = 16
DAY = 86_400
STEP = 900
"""Seconds: what the plot and the peaks are counted by."""


class Day(NamedTuple):
    """What the hub has to do, in requests a second for each step of the day."""

    pushes: list[float]
    pulls: list[float]
    looks: list[float]

    @property
    def peak_step(self) -> int:
        """Return the step with the most requests."""
        return max(range(len(self.looks)), key=lambda step: self.pushes[step] + self.pulls[step] + self.looks[step])


def simulate(messages_a_batch: int = MESSAGES_A_TURN, sample: int = SAMPLE) -> Day:
    """Simulate one day of a sample of the users and return the load of all of them."""
    rng = random.Random(SEED)
    counts: dict[str, Counter[int]] = {"push": Counter(), "pull": Counter(), "look": Counter()}
    for _ in range(sample):
        for kind, second in _user(rng, messages_a_batch):
            counts[kind][int(second) % DAY // STEP] += 1
    scale = USERS / sample / STEP
    steps = range(DAY // STEP)
    return Day(*([counts[kind][step] * scale for step in steps] for kind in ("push", "pull", "look")))


def _user(rng: random.Random, messages_a_batch: int) -> Iterator[tuple[str, float]]:
    """Yield what a user's machines ask of the hub, with the second of the day in UTC."""
    [zone] = rng.choices([*ZONES], [*ZONES.values()])
    hours = rng.choices(range(24), WORK, k=MESSAGES_A_DAY // messages_a_batch)
    turns = sorted((hour * 3600 + rng.random() * 3600, rng.random() < FIRST_SHARE) for hour in hours)
    for is_first in (True, False):
        own = [at for at, first in turns if first is is_first]
        other = [at for at, first in turns if first is not is_first]
        for kind, at in _machine(rng, own, other):
            yield kind, at - zone * 3600
    # More machines of the user only look and pull, as the second one does between its own turns
    for _ in range(MACHINES - 2):
        for kind, at in _machine(rng, [], [at for at, _ in turns]):
            yield kind, at - zone * 3600


def _machine(rng: random.Random, own: list[float], other: list[float]) -> Iterator[tuple[str, float]]:
    """Yield the requests of one machine: a push for each own turn, and looks, which find the other machine's turns."""
    yield from (("push", at) for at in own)
    at, pause, next_own, next_other = rng.random() * LONGEST_SECONDS, float(LONGEST_SECONDS), 0, 0
    while at < DAY:
        yield "look", at
        has_news = next_other < len(other) and other[next_other] <= at
        if has_news:
            yield "pull", at
        while next_other < len(other) and other[next_other] <= at:
            next_other += 1
        pause = LOOK_SECONDS if has_news else min(2 * pause, LONGEST_SECONDS)
        # An own turn means that the machine is in use: it looks soon again
        while next_own < len(own) and own[next_own] <= at:
            next_own += 1
        if next_own < len(own) and own[next_own] < at + pause:
            at, pause = max(at, own[next_own]), float(LOOK_SECONDS)
        at += pause


class Need(NamedTuple):
    """What one size of batches needs."""

    messages: int
    day: Day
    servers: int
    bytes_a_day: float
    wal_a_day: float


def need(measured: Measured) -> Need:
    """Return what the hub needs if a batch has as many messages as in a measurement."""
    day = simulate(measured.messages)
    step = day.peak_step
    # A pull costs as much as a look and the batches; a server has time for this number of each
    busy = day.pushes[step] / measured.pushes + (day.looks[step] + 2 * day.pulls[step]) / measured.polls
    messages = USERS * MESSAGES_A_DAY / measured.messages
    servers = math.ceil(busy / USED_SHARE)
    return Need(measured.messages, day, servers, messages * measured.disk_bytes, messages * measured.wal_bytes)


def part(needs: list[Need]) -> str:
    """Return the table, with a column for each size of batches."""
    rows: dict[str, Callable[[Need], str]] = {
        "batches pushed a second, mean": lambda one: _count(sum(one.day.pushes) / len(one.day.pushes)),
        "batches pushed a second, peak": lambda one: _count(max(one.day.pushes)),
        "looks a second, mean": lambda one: _count(sum(one.day.looks) / len(one.day.looks)),
        "looks a second, peak": lambda one: _count(max(one.day.looks)),
        "looks that find something": lambda one: f"{sum(one.day.pulls) / sum(one.day.looks):.0%}",
        f"servers at {USED_SHARE:.0%} of the measured throughput": lambda one: _count(one.servers),
        "sealed GB a day": lambda one: _count(USERS * MESSAGES_A_DAY * SEALED[one.messages] / one.messages / 1e9),
        "GB a day in the tables": lambda one: _count(one.bytes_a_day / 1e9),
        "GB a day in the write-ahead log": lambda one: _count(one.wal_a_day / 1e9),
        f"TB for {KEPT_DAYS} days, {REPLICAS} copies": lambda one: (
            f"{one.bytes_a_day * KEPT_DAYS * REPLICAS / 1e12:.0f}"
        ),
    }
    head = ("", *(f"{one.messages} in a batch" for one in needs))
    return table(head, [(name, *(value(one) for one in needs)) for name, value in rows.items()])


def plot(day: Day) -> str:
    """Return the plot of a day."""
    series = [Series("looks", day.looks), Series("pushes", day.pushes), Series("pulls", day.pulls)]
    return day_plot(f"requests a second with {_count(USERS)} users", series)


def _count(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.parts.hub_simulation", description=__doc__)
    parser.add_argument("--publish", action="store_true", help="write the plot and the table in the manual")
    wanted = parser.parse_args()
    needs = [need(measured) for measured in recall().rows]
    sys.stdout.write(part(needs) + "\n")
    if wanted.publish:
        [usual] = [one for one in needs if one.messages == MESSAGES_A_TURN]
        (FOLDER / "pictures" / "hub-day.svg").write_text(plot(usual.day))
        PAGE.write_text(replaced(PAGE.read_text(), "simulation", part(needs)))


if __name__ == "__main__":
    main()
