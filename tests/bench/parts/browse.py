"""The browser on a real terminal: `python -m tests.bench.parts.browse [--sessions N] [--messages N]`.

The script fills a database with many short sessions and one long one, runs `segue browse` on a pseudo-terminal, and
prints the time to the first paint with the list, the time from a key to the first byte on the screen, the time to the
hits while a query is typed, and the peak memory.
"""

import argparse
import os
import select
import statistics
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
QUERY = "message about caches"


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


def show(name: str, times: list[float]) -> None:
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    print(f"{name:<29} p50 {statistics.median(times):7.1f}  p95 {p95:7.1f}  max {ordered[-1]:7.1f} ms")


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
        show(name, times)


def query(screen: Screen, rounds: int) -> None:
    """Print the time from each letter of a query to the first hits."""
    times = []
    screen.press("\x1b")  # Back to the list
    screen.rest()
    for _ in range(rounds):
        screen.press("/")
        screen.rest()
        for letter in QUERY:
            times.append(screen.press(letter))
            screen.rest()
        screen.press("\x1b")
        screen.rest()
    show("a letter of a query", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=100_000, help="messages of the long session")
    parser.add_argument("--runs", type=int, default=10, help="starts")
    parser.add_argument("--presses", type=int, default=40, help="presses of each key")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        segued = Segued(Path(folder))
        segued.start()
        try:
            fill(segued.connect(), wanted.sessions, wanted.messages)
            times, used = first_paint(segued, Path(folder), wanted.runs)
            show("first paint", times)
            show("processor until first paint", used)
            with running(segued, Path(folder)) as screen:
                keys(screen, wanted.presses)
                query(screen, 3)
                print(f"{'peak memory':<29} {screen.peak_memory():.0f} MB")
        finally:
            segued.finish()


if __name__ == "__main__":
    main()
