"""segue beside what people would use instead: `python -m tests.bench`, one table, some minutes.

Every ratio is of one run on one machine, each side in processes of its own and in turns, on the disk where temporary
files are made (`TMPDIR`). What each side is stands in `peers/` and in the files named after the rows. A percentile
counts each client alike; CPU is in cores of the machine, which servers and load generators share.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from tests.bench.parts import appending, asking, growing, resting
from tests.bench.peers.disk import Disk
from tests.bench.report.figures import Results, Row
from tests.bench.report.machine import machine
from tests.bench.report.page import publish
from tests.bench.report.progress import tell
from tests.bench.report.table import text
from tests.bench.sides import Length
from tests.bench.turns import in_turns

PARTS = ["append", "ping", "read", "many", "start", "idle"]
SHORT_SECONDS = 1
"""Turns of one client that asks one thing vary less than those of many."""


def arguments(given: list[str]) -> argparse.Namespace:
    """What is to be measured, and for how long."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts of the table")
    parser.add_argument("--without", nargs="+", metavar="NAME", default=[], help="peers whose name begins so")
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=2.5, help="length of a turn")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each side")
    parser.add_argument("--idle-seconds", type=float, default=60)
    parser.add_argument("--starts", type=int, default=7, help="how often programs are started")
    parser.add_argument("--million", action="store_true", help="also with a million messages stored; takes minutes")
    parser.add_argument("--readme", action="store_true", help="publish: README, results.svg and results.json")
    found = parser.parse_args(given)
    if found.readme and (found.only != PARTS or found.without):
        parser.error("--readme tells the whole story: not with --only or --without")
    return found


def measure(wanted: argparse.Namespace) -> Results:
    """All that is wanted, one after the other."""
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    results = Results(date=datetime.now(UTC).date().isoformat(), machine=machine(), command=command)
    warm_up = min(0.3, wanted.seconds)
    long, short = Length(wanted.seconds, warm_up), Length(min(SHORT_SECONDS, wanted.seconds), warm_up)
    if "append" in wanted.only:
        _append(results, wanted, long)
    parts: dict[str, Callable[[], list[Row]]] = {
        "ping": lambda: asking.rows_of_ping(short, wanted.rounds),
        "read": lambda: asking.rows_of_read(short, wanted.rounds),
        "many": lambda: asking.rows_of_many(short, wanted.rounds),
        "start": lambda: resting.rows_of_start(wanted.starts),
        "idle": lambda: resting.rows_of_idle(wanted.idle_seconds),
    }
    for name, rows in parts.items():
        if name in wanted.only:
            results.rows += rows()
    if wanted.million:
        results.rows += growing.rows(growing.MILLION, max(wanted.clients), long, wanted.rounds)
    return results


def _append(results: Results, wanted: argparse.Namespace, length: Length) -> None:
    sides = [side for side in appending.SIDES if not side.name.lower().startswith(tuple(wanted.without))]
    results.absent = [f"{side.name}: {reason}" for side in sides if (reason := side.missing())]
    present = [side for side in sides if side.missing() is None]
    for clients in wanted.clients:
        disk = [Disk()] if clients == 1 else []
        results.figures += in_turns([*present, *disk], clients, length, wanted.rounds).values()
    results.rows += appending.rows(results.figures)


def main() -> None:
    """Measure and print."""
    wanted = arguments(sys.argv[1:])
    results = measure(wanted)
    tell("")
    print(text(results))
    if wanted.readme:
        publish(results)


if __name__ == "__main__":
    main()
