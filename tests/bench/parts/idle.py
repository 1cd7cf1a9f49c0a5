"""The cost of the daemon without requests: its start, the start of `segue`, and its CPU and memory while idle."""

import os
import socket
import sys
import time
from pathlib import Path

from tests.bench.load import converse
from tests.bench.parts.start import BARE, measure, seconds_of
from tests.bench.peers.echo import Echo, serve_echo
from tests.bench.peers.measured import read
from tests.bench.peers.segue import request, serving
from tests.bench.report.figures import Row, below, median, spread_of
from tests.bench.report.progress import show_progress
from tests.bench.turns import folder
from tests.bench.usage import cpu_seconds, memory_bytes
from tests.support.process import Segued

MEBIBYTE = 1 << 20
POLL_SECONDS = 0.001
ANSWER_SECONDS = 20
IDLE_ROUNDS = 3


def rows_of_start(starts: int) -> list[Row]:
    """Measure the start with a file of 1000 messages, up to the first response to a client that retries."""
    with folder() as place:
        with serving(place) as segued:
            read(segued)
        pairs = [(first_answer(segued), seconds_of([sys.executable, "-c", "pass"], os.environ)) for _ in range(starts)]
    ours, bare = ([pair[side] for pair in pairs] for side in (0, 1))
    row = below("start to first answer", median(ours), BARE, median(bare), "s", 0.4, spread_of(ours))
    return [row, *measure(starts)]


def rows_of_idle(seconds: float) -> list[Row]:
    """Measure an idle daemon with 1000 indexed messages, beside an idle echo server."""
    with folder() as place, serving(place) as segued, serve_echo(place / "echo.sock") as echo:
        read(segued)
        show_progress(f"idle for {seconds:g} s")
        time.sleep(min(2, seconds))
        pids = (segued.pid, echo.pid)
        seen = [[cpu_seconds(pid) or 0 for pid in pids]]
        memory = []
        for _ in range(IDLE_ROUNDS):
            time.sleep(seconds / IDLE_ROUNDS)
            seen.append([cpu_seconds(pid) or 0 for pid in pids])
            memory.append([(memory_bytes(pid) or 0) / MEBIBYTE for pid in pids])
    ours, theirs = ((after - before) / seconds * 100 for before, after in zip(seen[0], seen[-1], strict=True))
    our_memory, their_memory = zip(*memory, strict=True)
    row = below(
        "idle memory (RSS)",
        median(our_memory),
        Echo.name,
        median(their_memory),
        "MiB",
        40,
        spread_of(our_memory),
    )
    return [below(f"idle CPU over {seconds:g} s", ours, Echo.name, theirs, "%", 0.1), row]


def first_answer(segued: Segued) -> float:
    """Return the seconds from the start of the program to its first response, and stop it."""
    begun = time.perf_counter()
    segued.launch()
    try:
        while not _answers(segued.socket):
            if time.perf_counter() - begun > ANSWER_SECONDS:
                raise RuntimeError(f"segued does not answer: {segued.log}")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - begun
    finally:
        segued.stop()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(path))
        except OSError:  # Not listening yet.
            return False
        return converse(connection, request("daemon.ping"), b"\n").startswith(b"{")
