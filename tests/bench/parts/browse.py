"""The browser on a real terminal: `python -m tests.bench.parts.browse [--sessions N] [--messages N] [--stored N]`.

The script fills a database with many short sessions and one long one, runs `segue browse` on a pseudo-terminal, and
prints the time to the first paint with the list, the time from a key to the first byte on the screen, and the peak
memory. Then it fills another one with a million messages (some minutes and 0.8 GB; --file takes a copy of one that
`tests.bench.corpus` made), and prints the time from a letter of a query to its hits and that of `session.stats`.

Each line has the bar and whether it was met. The exit status is 1 if one was missed.
"""

import argparse
import os
import random
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from segue.models import StatsGroup
from tests.bench.corpus import SEED, Language
from tests.bench.corpus import fill as fill_corpus
from tests.bench.report.progress import show_progress
from tests.process.command_line import SEGUE
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

SIZE = (44, 160)
BATCH = 500
QUIET_SECONDS = 0.15
"""Seconds without a byte after which the screen is complete."""

KEYS = {
    "j in the list": "j",
    "k in the conversation": "k",
    "line": "\x1b[A",
    "page": "\x1b[5~",
    "wheel": "\x1b[<64;80;20M",
}
HITS = b"\x1b[1;38;2;22;24;29;48;2;227;179;65m"
"""What the screen gets before a match in a hit: the style of matches in the dark theme."""

WORDS, LETTERS = 12, 3
"""Words that are searched for, and the letters from which on the hits of each prefix are measured."""

PAINT_MS, KEY_MS, SEARCH_MS, STATS_MS, MEMORY_MB = 500, 50, 50, 200, 150
"""The bars: of the first paint (p50), of a key, a search and statistics (p95), and of the peak memory."""

missed: list[str] = []


class Screen:
    """`segue browse` on a terminal, and what it wrote."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, SIZE)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [SEGUE, "browse", "--theme", "dark"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=directory,
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(slave)

    def read_until(self, holds: Callable[[bytes], bool]) -> float:
        """Return the time when what was written since the call holds."""
        data = b""
        while not holds(data):
            assert select.select([self._master], [], [], TIMEOUT_SECONDS)[0], "the browser wrote nothing"
            data += os.read(self._master, 1 << 16)
        return time.perf_counter()

    def rest(self) -> None:
        """Return when nothing was written for a while."""
        while select.select([self._master], [], [], QUIET_SECONDS)[0]:
            os.read(self._master, 1 << 16)

    def press(self, key: str, holds: Callable[[bytes], bool] = bool) -> float:
        """Return the milliseconds from a key to the first byte, or to the bytes that hold."""
        started = time.perf_counter()
        os.write(self._master, key.encode())
        return (self.read_until(holds) - started) * 1000

    def peak_memory(self) -> float:
        """Return the peak memory in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1000

    def processor_ms(self) -> float:
        """Return the time of the processor that the browser has used. It varies less than time on a busy machine."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


def fill(wire: Wire, sessions: int, messages: int) -> None:
    """Store short sessions, and then a long one that the current directory does not continue."""
    for number in range(sessions):
        place = f"/home/ada/src/project-{number % 40}"
        wire.call("session.create", id=f"s{number}", working_dir=place, project=place, model="claude-opus-4")
        wire.call("message.append", session_id=f"s{number}", role="user", content=f"Question {number} about caches")
    wire.call("session.create", id="long", working_dir="/home/ada/src/long", project="/home/ada/src/long", name="Long")
    for first in range(0, messages, BATCH):
        several = [
            {"role": ("user", "assistant")[at % 2], "content": f"Message {at} about **caches**\n\nand a line more.\n"}
            for at in range(first, min(first + BATCH, messages))
        ]
        wire.call("message.append_many", session_id="long", messages=several)


@contextmanager
def running(segued: Segued, directory: Path) -> Iterator[Screen]:
    screen = Screen(segued.environment, directory)
    try:
        yield screen
    finally:
        screen.close()


def first_paint(segued: Segued, directory: Path, runs: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds from the start to the first paint that has a session, and those of the processor."""
    times, used = [], []
    for _ in range(runs):
        with running(segued, directory) as screen:
            times.append((screen.read_until(lambda data: b"messages" in data) - screen.started) * 1000)
            used.append(screen.processor_ms())
    return times, used


def show(name: str, times: list[float], bar: float | None = None, by: str = "p95") -> None:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    p50 = statistics.median(times)
    shown = f"{name:<29} p50 {p50:7.1f}  p95 {p95:7.1f}  max {ordered[-1]:7.1f} ms"
    print(
        shown if bar is None else f"{shown}  {verdict(name, {'p50': p50, 'p95': p95}[by], bar, f'{by} ≤')}", flush=True
    )


def verdict(name: str, value: float, bar: float, what: str) -> str:
    """Return the bar and whether it was met, and note the name if it was not."""
    if value > bar:
        missed.append(name)
    return f"{what} {bar}: {'met' if value <= bar else 'missed'}"


def keys(screen: Screen, presses: int) -> None:
    """Print the times of each key, in the list and at the end of the long session."""
    screen.read_until(lambda data: b"messages" in data)
    screen.rest()
    for name, key in KEYS.items():
        if name == "k in the conversation":
            screen.press("g")
            screen.press("\r")
            screen.rest()
        times = []
        for _ in range(presses):
            times.append(screen.press(key))
            screen.rest()
        show(name, times, KEY_MS)


def queries(screen: Screen) -> Iterator[float]:
    """Yield the milliseconds to the hits of each prefix of some words, as typing shows them.

    Each prefix is pasted into the empty line, because hits of the prefix before it could be taken for its own.
    """
    words = Language(random.Random(SEED)).words
    chosen = [word for word in words[20:4000:97] if len(word) >= LETTERS][:WORDS]
    screen.press("/")
    screen.rest()
    for word in chosen:
        for end in range(LETTERS, len(word) + 1):
            yield screen.press(f"\x1b[200~{word[:end]}\x1b[201~", lambda data: HITS in data)
            screen.rest()
            screen.press("\x15")  # ^U empties the line
            screen.rest()


def statistics_of(wire: Wire) -> Iterator[float]:
    """Yield the milliseconds of `session.stats` by each group."""
    while wire.call("daemon.status")["jobs"]:
        time.sleep(1)  # The sums are made in the background
    for _ in range(5):
        for group in get_args(StatsGroup):
            started = time.perf_counter()
            wire.call("session.stats", group_by=group)
            yield (time.perf_counter() - started) * 1000


def large(folder: Path, stored: int, file: Path | None) -> None:
    """Print the figures of a database with many messages."""
    segued = Segued(folder)
    segued.config.parent.mkdir(parents=True, exist_ok=True)
    segued.config.write_text("[session]\nretention_days = 0\n")
    if file is None:
        show_progress(f"making a file of {stored} messages")
        fill_corpus(segued.database, stored)
    else:
        segued.database.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, segued.database)
    segued.start()
    try:
        wire = segued.connect()
        count = wire.call("daemon.status")["database"]["messages"]
        with running(segued, folder) as screen:
            screen.read_until(lambda data: b"messages" in data)
            screen.rest()
            show(f"hits among {count}", [*queries(screen)], SEARCH_MS)
            memory(screen, f"peak memory, {count} messages")
        show(f"session.stats of {count}", [*statistics_of(wire)], STATS_MS)
    finally:
        segued.finish()


def memory(screen: Screen, name: str) -> None:
    """Print the peak memory."""
    peak = screen.peak_memory()
    print(f"{name:<29} {peak:.0f} MB  {verdict(name, peak, MEMORY_MB, '≤')}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=100_000, help="messages of the long session")
    parser.add_argument("--runs", type=int, default=10, help="starts")
    parser.add_argument("--presses", type=int, default=40, help="presses of each key")
    parser.add_argument("--stored", type=int, default=1_000_000, help="messages of the large database")
    parser.add_argument("--file", type=Path, help="a large database that is copied instead of made")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        segued = Segued(Path(folder))
        segued.start()
        try:
            fill(segued.connect(), wanted.sessions, wanted.messages)
            times, used = first_paint(segued, Path(folder), wanted.runs)
            show("first paint", times, PAINT_MS, "p50")
            show("processor until first paint", used)
            with running(segued, Path(folder)) as screen:
                keys(screen, wanted.presses)
                memory(screen, "peak memory")
        finally:
            segued.finish()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        large(Path(folder), wanted.stored, wanted.file)
    print(f"missed: {', '.join(missed)}" if missed else "all bars are met")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
