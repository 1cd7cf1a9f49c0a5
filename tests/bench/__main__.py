"""segue beside what people would use instead: `python -m tests.bench`, one table, some minutes.

Every ratio is of one run on one machine, each side in processes of its own and in turns, on the disk where temporary
files are made (`TMPDIR`). What each side is stands in `peers/` and in the files named after the rows. A percentile
counts each client alike; CPU is in cores of the machine, which servers and load generators share.
"""

import argparse
import sys
from datetime import UTC, datetime

from tests.bench import appending
from tests.bench.figures import Results
from tests.bench.machine import machine
from tests.bench.progress import tell
from tests.bench.sides import Length
from tests.bench.table import text

PARTS = ["append"]


def arguments(given: list[str]) -> argparse.Namespace:
    """What is to be measured, and for how long."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts of the table")
    parser.add_argument("--without", nargs="+", metavar="NAME", default=[], help="peers whose name begins so")
    parser.add_argument("--clients", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=2.5, help="length of a turn")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each side")
    return parser.parse_args(given)


def measure(wanted: argparse.Namespace) -> Results:
    """All that is wanted, one after the other."""
    command = " ".join(["python -m tests.bench", *sys.argv[1:]])
    results = Results(date=datetime.now(UTC).date().isoformat(), machine=machine(), command=command)
    length = Length(wanted.seconds, min(0.3, wanted.seconds))
    if "append" in wanted.only:
        sides = [side for side in appending.SIDES if not side.name.lower().startswith(tuple(wanted.without))]
        results.absent = [f"{side.name}: {reason}" for side in sides if (reason := side.missing())]
        present = [side for side in sides if side.missing() is None]
        results.figures = appending.measure(present, wanted.clients, length, wanted.rounds)
        results.rows += appending.rows(results.figures)
    return results


def main() -> None:
    """Measure and print."""
    results = measure(arguments(sys.argv[1:]))
    tell("")
    print(text(results))


if __name__ == "__main__":
    main()
