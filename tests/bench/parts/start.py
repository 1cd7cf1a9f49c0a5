"""How long `segue` takes as a whole process, beside `python -c pass`: `python -m tests.bench.parts.start`."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping

from tests.bench.peers.segue import serving
from tests.bench.report.figures import Row, median, within
from tests.bench.turns import folder
from tests.process.command_line import SEGUE

ROUNDS = 25
WANTED = 6
BARE = "python -c pass"

CALLS = {
    "`segue ping`": ["ping"],
    "`segue rpc daemon.status`": ["rpc", "daemon.status"],
    "`segue add`": ["add", "hello"],
    "`segue list` into a pipe": ["list"],
}


def measure(rounds: int = ROUNDS) -> list[Row]:
    """A row for each call: the medians of both, in seconds, measured in turns A B A B."""
    with folder() as place:
        # Only the socket is named: the other paths are found as they are for most people.
        home = {"HOME": str(place), "PATH": os.environ["PATH"]}
        with serving(place) as segued:
            home["SEGUE_SOCKET"] = str(segued.socket)
            return [_row(f"{what}, whole process", arguments, home, rounds) for what, arguments in CALLS.items()]


def _row(what: str, arguments: list[str], environment: Mapping[str, str], rounds: int) -> Row:
    bare, call = [sys.executable, "-c", "pass"], [SEGUE, *arguments]
    seconds_of(call, environment)  # once, so that everything is in the page cache
    pairs = [(seconds_of(call, environment), seconds_of(bare, environment)) for _ in range(rounds)]
    ours, theirs = (median([pair[side] for pair in pairs]) for side in (0, 1))
    if arguments != ["ping"]:
        return Row(what, ours, BARE, theirs, "s")
    return within(what, ours, BARE, theirs, "s", WANTED)


def seconds_of(command: list[str], environment: Mapping[str, str]) -> float:
    """How long a program takes from its start to its end."""
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    for row in measure():
        print(
            f"{row.what:<40} {row.ours * 1000:6.1f} ms  {row.theirs * 1000:6.1f} ms  {row.ratio:5.2f} × {row.against}"
        )
