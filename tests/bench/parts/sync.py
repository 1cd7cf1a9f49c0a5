"""A new machine that gets a long history, and the cost of sync: `python -m tests.bench.parts.sync`.

1. A database of `--messages` messages is published to a hub, as the first machine does it.
2. A real segued without a message joins. Meanwhile a client appends to it, a message every few milliseconds.
3. A daemon with sync on idles, and takes the same load as one without sync, in turns.

Wall-clock figures need a machine on which nothing else runs. Processor time and ratios do not.
"""

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from segue.manual import topic_path
from segue.store.store import open_store
from segue.store.sync import lifecycle
from segue.store.sync.homes import Home
from segue.sync import starting
from segue.sync.keys import Key, new_key
from segue.sync.syncer import Syncer
from segue.sync.transports.hub import open_hub
from segue.sync.transports.postgres.install import install
from segue.timestamps import wall_ms
from tests.bench.corpus import fill
from tests.bench.peers.segue import Segue, serving
from tests.bench.report.machine import machine
from tests.bench.report.progress import show_progress
from tests.bench.sides import Length, Turn
from tests.bench.turns import folder, measure_in_turns
from tests.bench.usage import cpu_seconds, memory_bytes
from tests.support.docs import replaced, table
from tests.support.process import Segued
from tests.support.system.postgres import open_cluster
from tests.support.wire import Wire

MEBIBYTE = 1 << 20
PAUSE_SECONDS = 0.005
"""Seconds between two appends while the machine joins."""

LONGEST_SECONDS = 4 * 3600
SETTINGS = "[session]\nretention_days = 0\n[sync]\ninterval_seconds = {interval}\n"
NEVER = 1_000_000

RESULTS = Path(__file__).parents[1] / "report" / "sync.json"
PAGE = topic_path("sync")


class Results(msgspec.Struct):
    """One run."""

    date: str
    machine: str
    command: str
    hub: str
    messages: int
    begin_ms: float = 0
    """Milliseconds that turning sync on takes for all messages."""
    push_cpu: float = 0
    """Microseconds of processor time a message."""
    push_rate: float = 0
    """Messages a second."""
    sealed_bytes: float = 0
    """Bytes a message at the hub."""
    join_seconds: float = 0
    join_cpu: float = 0
    """Microseconds of processor time a message."""
    append_p50: float = 0
    """Milliseconds of an append of another client while the machine joins."""
    append_p99: float = 0
    join_memory: float = 0
    """The largest MiB while the machine joins."""
    idle_memory: float = 0
    idle_cpu: float = 0
    """Percent of a processor, over `idle_seconds`."""
    idle_seconds: float = 0
    throughput: float = 0
    """Appends with sync on as a part of those without."""
    p99: float = 0
    """p99 of an append with sync on as a part of the one without."""


async def publish(database: Path, url: str, key: Key, results: Results) -> None:
    """Publish everything that the database holds."""
    async with open_store(database, clock=wall_ms) as store:
        begun = time.perf_counter()
        await store.write(lifecycle.begin, url, "old", starting.new_fingerprint(database))
        results.begin_ms = (time.perf_counter() - begun) * 1000
        transport = open_hub(url, key, ())
        begun, spent = time.perf_counter(), time.process_time()
        await Syncer(store, transport, key, Home(None), lambda: None).run()
        results.push_cpu = (time.process_time() - spent) / results.messages * 1e6
        results.push_rate = results.messages / (time.perf_counter() - begun)
        [machine] = await transport.heads()
        results.sealed_bytes = sum([len(one.body) async for one in transport.pull(machine, 0)]) / results.messages
        await transport.close()


class Neighbor(threading.Thread):
    """Another client, which appends while the machine joins, and watches the daemon's memory."""

    def __init__(self, segued: Segued) -> None:
        super().__init__()
        self.times: list[float] = []
        self.memory = 0
        self.ended = threading.Event()
        self._segued = segued

    def run(self) -> None:
        """Append until `ended` is set."""
        with self._segued.connect() as wire:
            id = wire.call("session.create")["id"]
            while not self.ended.wait(PAUSE_SECONDS):
                begun = time.perf_counter()
                wire.call("message.append", session_id=id, role="user", content="x" * 500)
                self.times.append(time.perf_counter() - begun)
                if len(self.times) % 50 == 1:
                    self.memory = max(self.memory, memory_bytes(self._segued.pid) or 0)


def join(place: Path, url: str, key: Key, results: Results) -> None:
    """Have an empty machine join, and wait until it has everything."""
    with prepared(place, NEVER) as segued:
        neighbor = Neighbor(segued)
        neighbor.start()
        begun, spent = time.perf_counter(), cpu_seconds(segued.pid) or 0
        try:
            with Wire(segued.socket, timeout=LONGEST_SECONDS) as wire:
                wire.call("sync.join", url=url, invitation=key.to_line(), name="new")
                assert wire.call("sync.run")["problems"] == []
                results.join_seconds = time.perf_counter() - begun
                results.join_cpu = ((cpu_seconds(segued.pid) or 0) - spent) / results.messages * 1e6
        finally:
            neighbor.ended.set()
            neighbor.join()
        ordered = sorted(neighbor.times)
        results.append_p50 = ordered[len(ordered) // 2] * 1000
        results.append_p99 = ordered[len(ordered) * 99 // 100] * 1000
        results.join_memory = neighbor.memory / MEBIBYTE


def idle(place: Path, url: str, results: Results) -> None:
    """Measure a daemon with sync on that nothing uses, with the default interval."""
    with prepared(place, 30) as segued:
        with segued.connect() as wire:
            wire.call("sync.init", url=url, name="idle")
            id = wire.call("session.create")["id"]
            wire.call("message.append", session_id=id, role="user", content="one")
            wire.call("sync.run")
        time.sleep(5)
        before = cpu_seconds(segued.pid) or 0
        time.sleep(results.idle_seconds)
        results.idle_cpu = ((cpu_seconds(segued.pid) or 0) - before) / results.idle_seconds * 100
        results.idle_memory = (memory_bytes(segued.pid) or 0) / MEBIBYTE


class Synced(Segue):
    """A segued with sync on, whose rounds run as by default."""

    name = "segue with sync"

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def open(self, folder: Path, clients: int) -> Iterator[Turn]:
        """Serve an empty store."""
        with super().open(folder, clients) as turn, Wire(folder / "run" / "segued.sock") as wire:
            wire.call("sync.init", url=self._url, name=folder.name)
            wire.call("sync.run")
            yield turn


@contextmanager
def prepared(place: Path, interval: int) -> Iterator[Segued]:
    """Run a segued whose rounds have an interval, and which deletes nothing for its age."""
    place.mkdir()
    (place / "config.toml").write_text(SETTINGS.format(interval=interval))
    with serving(place) as segued:
        yield segued


BARS = {"join_seconds": 300, "append_p99": 10, "idle_memory": 60, "idle_cpu": 0.1}

ROWS = {
    "turn sync on, ms": "begin_ms",
    "seal and push, messages a second": "push_rate",
    "seal and push, µs of processor time a message": "push_cpu",
    "bytes a message at the hub": "sealed_bytes",
    "a new machine has everything, seconds": "join_seconds",
    "pull, store and index, µs of processor time a message": "join_cpu",
    "append of another client meanwhile, p50 ms": "append_p50",
    "append of another client meanwhile, p99 ms": "append_p99",
    "memory meanwhile, MiB": "join_memory",
    "memory with sync on, idle, MiB": "idle_memory",
    "processor time with sync on, idle, %": "idle_cpu",
    "appends with sync on, as a part of those without": "throughput",
    "p99 of an append with sync on, as a part of the one without": "p99",
}


def part(results: Results) -> str:
    """Return the table."""
    rows = [(what, _number(getattr(results, name)), _wanted(name)) for what, name in ROWS.items()]
    line = f"{results.date}, {_number(results.messages)} messages, {results.hub}, {results.machine}, "
    line += f"by `.venv/bin/{results.command}`."
    return f"{line}\n\n{table(('', 'measured', 'wanted'), rows)}"


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.3g}"


def _wanted(name: str) -> str:
    if name == "throughput":
        return "≥ 0.97"
    wanted = f"≤ {BARS[name]}" if name in BARS else ""
    return f"{wanted} for 1 000 000" if name == "join_seconds" else wanted


def recall() -> Results:
    """Return the results that were published last."""
    return msgspec.json.decode(RESULTS.read_bytes(), type=Results)


def measure(url: str, place: Path, results: Results, length: Length, rounds: int) -> None:
    """Fill in all results."""
    key = new_key()
    show_progress(f"making a file of {results.messages} messages")
    fill(place / "old.db", results.messages, index=False)
    show_progress("publishing it")
    asyncio.run(publish(place / "old.db", url, key, results))
    show_progress("joining")
    join(place / "new", url, key, results)
    show_progress("idle")
    idle(place / "idle", url, results)
    on, off = measure_in_turns([Synced(url), Segue()], 8, length, rounds).values()
    results.throughput = on.per_second / off.per_second
    results.p99 = on.p99 / off.p99


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.parts.sync", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=10, help="seconds of a turn of appends")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle-seconds", type=float, default=60)
    parser.add_argument("--folder", action="store_true", help="a folder as the hub, instead of PostgreSQL")
    parser.add_argument("--publish", action="store_true", help="write sync.json and the table in the manual")
    wanted = parser.parse_args()
    command = " ".join(["python -m tests.bench.parts.sync", *sys.argv[1:]])
    hub = "a folder" if wanted.folder else "PostgreSQL"
    date = datetime.now(UTC).date().isoformat()
    results = Results(date, machine(), command, hub, wanted.messages, idle_seconds=wanted.idle_seconds)
    with folder() as place, open_cluster() as cluster:
        (place / "hub").mkdir()
        url = str(place / "hub")
        if not wanted.folder:
            cluster.sql("CREATE DATABASE hub")
            install(cluster.url("hub"), "segue_client", 16, plain=False)
            url = cluster.url("hub")
        measure(url, place, results, Length(wanted.seconds, 1), wanted.rounds)
    print(part(results))
    if wanted.publish:
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
        PAGE.write_text(replaced(PAGE.read_text(), "sync", part(results)))


if __name__ == "__main__":
    main()
