"""The duration of a `segue` process beside `python -c pass`: `python -m tests.bench.parts.start`."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping

from tests.bench.peers.segue import serving
from tests.bench.report.figures import Row, median, spread_of, within
from tests.bench.turns import folder
from tests.process.command_line import SEGUE

ROUNDS = 25
WANTED = 5
BARE = "python -c pass"

CALLS = {
    "`segue ping`": ["ping"],
    "`segue rpc daemon.status`": ["rpc", "daemon.status"],
    "`segue add`": ["add", "hello"],
    "`segue current` into a pipe": ["current"],
    "`segue list` into a pipe": ["list"],
    "`segue show` into a pipe": ["show"],
    "`segue search` into a pipe": ["search", "hello"],
    "`segue init zsh`": ["init", "zsh"],
}


def measure(rounds: int = ROUNDS) -> list[Row]:
    """Return a row for each command: the medians of both in seconds, measured in turns."""
    with folder() as place:
        # Only the socket is set, because most users set no path at all.
        home = {"HOME": str(place), "PATH": os.environ["PATH"]}
        with serving(place) as segued:
            home["SEGUE_SOCKET"] = str(segued.socket)
            return [_row(f"{what}, whole process", arguments, home, rounds) for what, arguments in CALLS.items()]


def _row(what: str, arguments: list[str], environment: Mapping[str, str], rounds: int) -> Row:
    bare, call = [sys.executable, "-c", "pass"], [SEGUE, *arguments]
    seconds_of(call, environment)  # One call first, because it fills the page cache.
    pairs = [(seconds_of(call, environment), seconds_of(bare, environment)) for _ in range(rounds)]
    ours, theirs = ([pair[side] for pair in pairs] for side in (0, 1))
    return within(what, median(ours), BARE, median(theirs), "s", WANTED, spread_of(ours))


def seconds_of(command: list[str], environment: Mapping[str, str]) -> float:
    """Run a program and return its duration in seconds."""
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    for row in measure():
        print(
            f"{row.what:<40} {row.ours * 1000:6.1f} ms  {row.theirs * 1000:6.1f} ms  {row.ratio:5.2f} × {row.against}"
        )
