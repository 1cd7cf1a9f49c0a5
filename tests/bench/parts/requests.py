"""Requests of one client other than single appends, each beside a comparable operation."""

from tests.bench.peers.echo import Echo
from tests.bench.peers.measured import MANY, STORED, RepeatedRequest, append_many, batch, ping, read
from tests.bench.peers.reader import Reader
from tests.bench.peers.segue import BEGINNING, Segue
from tests.bench.report.figures import Row, within
from tests.bench.sides import Length, Side
from tests.bench.turns import measure_in_turns


def rows_of_ping(length: Length, rounds: int) -> list[Row]:
    ours, theirs = measure_in_turns([RepeatedRequest("segue", ping), Echo()], 1, length, rounds).values()
    return [within("ping, p50", ours.p50, theirs.system, theirs.p50, "ms", 2, ours.spread)]


def rows_of_read(length: Length, rounds: int) -> list[Row]:
    ours, theirs = measure_in_turns([RepeatedRequest("segue", read), Reader()], 1, length, rounds).values()
    return [within(f"{STORED} messages read, p50", ours.p50, theirs.system, theirs.p50, "ms", 1.5, ours.spread)]


def rows_of_many(length: Length, rounds: int) -> list[Row]:
    sides: list[Side] = [
        Segue(),
        RepeatedRequest("append_many", append_many),
        RepeatedRequest("batch", batch, b"[" + BEGINNING),
    ]
    single, many, several = measure_in_turns(sides, 1, length, rounds).values()
    alone = "single appends"
    return [
        within(f"{MANY} in one append_many, each", many.mean / MANY, alone, single.mean, "ms", 1 / 10, many.spread),
        Row(
            f"{MANY} in one JSON-RPC batch, each", several.mean / MANY, alone, single.mean, "ms", spread=several.spread
        ),
    ]
