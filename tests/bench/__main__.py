"""The benchmark: segue beside other systems, `python -m tests.bench`. It prints one table after some minutes.

Every ratio is of one run on one machine. Each system runs in its own processes, in turns, on the disk that holds
temporary files (`TMPDIR`). `peers/` and the files named after the rows say what each system does. A percentile counts
every client equally. CPU is in cores of the machine that servers and load generators share.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from tests.bench.parts import append, idle, kinds, large_file, many_sessions, requests, waits
from tests.bench.peers.disk import Disk
from tests.bench.report.figures import Results, Row
from tests.bench.report.machine import machine
from tests.bench.report.page import publish
from tests.bench.report.progress import show_progress
from tests.bench.report.table import text
from tests.bench.sides import Length
from tests.bench.turns import measure_in_turns

PARTS = ["append", "kinds", "ping", "read", "many", "waits", "stalls", "start", "idle"]
SHORT_SECONDS = 1
"""Seconds: the turn of one client with one kind of request. Such turns vary less than those of many clients."""


def arguments(given: list[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts of the table; default: all")
    parser.add_argument(
        "--without", nargs="+", metavar="NAME", default=[], help="prefixes of the names of systems to leave out"
    )
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=2.5, help="seconds of a turn; default: 2.5")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each system; default: 3")
    parser.add_argument("--idle-seconds", type=float, default=60)
    parser.add_argument("--starts", type=int, default=7, help="starts of each program; default: 7")
    parser.add_argument("--million", action="store_true", help="add 100 000 sessions and a million messages")
    parser.add_argument("--readme", action="store_true", help="write README, results.svg and results.json")
    found = parser.parse_args(given)
    if found.readme and (found.only != PARTS or found.without):
        parser.error("--readme needs all parts; leave out --only and --without")
    return found


def measure(wanted: argparse.Namespace) -> Results:
    """Run the selected parts one after the other."""
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    results = Results(date=datetime.now(UTC).date().isoformat(), machine=machine(), command=command)
    warm_up = min(0.3, wanted.seconds)
    long, short = Length(wanted.seconds, warm_up), Length(min(SHORT_SECONDS, wanted.seconds), warm_up)
    if "append" in wanted.only:
        _append(results, wanted, long)
    parts: dict[str, Callable[[], list[Row]]] = {
        "ping": lambda: requests.rows_of_ping(short, wanted.rounds),
        "read": lambda: requests.rows_of_read(short, wanted.rounds),
        "many": lambda: requests.rows_of_many(short, wanted.rounds),
        "kinds": lambda: kinds.rows(max(wanted.clients), sorted(wanted.clients)[-2:][0], long, wanted.rounds),
        "waits": lambda: waits.rows(wanted.rounds),
        "stalls": waits.rows_of_stalls,
        "start": lambda: idle.rows_of_start(wanted.starts),
        "idle": lambda: idle.rows_of_idle(wanted.idle_seconds),
    }
    for name, rows in parts.items():
        if name in wanted.only:
            results.rows += rows()
    if wanted.million:
        results.rows += many_sessions.rows(short, wanted.rounds)
        results.rows += large_file.rows(large_file.MILLION, max(wanted.clients), long, wanted.rounds)
    return results


def _append(results: Results, wanted: argparse.Namespace, length: Length) -> None:
    sides = [side for side in append.SIDES if not side.name.lower().startswith(tuple(wanted.without))]
    results.absent = [f"{side.name}: {reason}" for side in sides if (reason := side.missing())]
    present = [side for side in sides if side.missing() is None]
    for clients in wanted.clients:
        disk = [Disk()] if clients == 1 else []
        results.figures += measure_in_turns([*present, *disk], clients, length, wanted.rounds).values()
    results.rows += append.rows(results.figures)


def main() -> None:
    """Measure and print the table."""
    wanted = arguments(sys.argv[1:])
    results = measure(wanted)
    show_progress("")
    print(text(results))
    if wanted.readme:
        publish(results)


if __name__ == "__main__":
    main()
