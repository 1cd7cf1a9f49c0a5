"""Three real daemons and a real PostgreSQL, of which everything breaks while three persons work.

Daemons, connections and the server are killed, and the links between them go down. Afterwards all machines must be
equal in every method that reads, no answered message may be lost, and no deleted word may be left on a machine or at
the hub.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from subprocess import CalledProcessError
from typing import Any

import anyio
import pytest

from segue.store.sync.wire import encode
from segue.sync.keys import parse_line
from segue.sync.sealing import open_batch
from segue.sync.transports.hub import open_hub
from segue.sync.transports.postgres.install import install
from tests.process.sync.person import Person, Said
from tests.process.sync.reading import read_all, texts_of
from tests.support.counters import ANSWERED, tried
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.sync.world import difference
from tests.support.system.network import Network, may_make_namespaces, open_namespaces, open_proxies
from tests.support.system.postgres import START_SECONDS, Cluster, make_cluster
from tests.support.wire import Wire

pytestmark = pytest.mark.long

NAMES = ("desk", "lap", "attic")
DATABASE = "hub"
CLIENT = "segue_client"
SYNC_SECONDS = 120
LONGEST_CUT = 6.0
SOUGHT = 40
"""Words that are searched for on each machine."""


class World:
    """The machines, the server and the network between them."""

    def __init__(self, folder: Path, cluster: Cluster, network: Network, seed: int) -> None:
        self.cluster = cluster
        self.network = network
        self.random = Random(seed)
        self.said = Said()
        self.machines: list[Segued] = []
        for name in NAMES:
            (folder / name).mkdir()
            segued = Segued(folder / name)
            segued.config.write_text("[sync]\ninterval_seconds = 1\n")
            self.machines.append(segued)
        self.persons = [Person(name, self.machines[n], self.said, seed + n) for n, name in enumerate(NAMES)]
        self.counts: dict[str, int] = {}
        self.gone: list[str] = []
        """Words that were deleted, and are in no name of a session."""
        self._cut: dict[int, float] = {}
        """When each link that is down comes back."""

    def begin(self) -> None:
        """Start everything, and have all machines join the account of the first."""
        self.network.start_server([])
        self.cluster.sql(f"CREATE DATABASE {DATABASE}")
        self.password = install(self.cluster.url(DATABASE), CLIENT, 4, plain=False).password
        for number in range(len(NAMES)):
            self.start(number)
        with self.machines[0].connect() as wire:
            self.invitation = wire.call("sync.init", url=self.url(0), name=NAMES[0])["invitation"]
            wire.call("sync.run")
        for number in range(1, len(NAMES)):
            with self.machines[number].connect() as wire:
                wire.call("sync.join", url=self.url(number), invitation=self.invitation, name=NAMES[number])

    def url(self, number: int) -> str:
        return self.network.url(number, DATABASE, f"{CLIENT}:{self.password}")

    def start(self, number: int) -> None:
        with self.network.inside(number):
            self.machines[number].start()

    def break_something(self) -> None:
        """Break one thing, and mend the links whose time has come."""
        now = time.monotonic()
        for number in [number for number, end in self._cut.items() if end < now]:
            self.network.mend(number)
            del self._cut[number]
        what = self.random.choices([*BREAKS], weights=[weight for _, weight in BREAKS.values()])[0]
        BREAKS[what][0](self)
        self.counts[what] = self.counts.get(what, 0) + 1

    def kill_daemon(self) -> None:
        number = self.random.randrange(len(NAMES))
        assert self.machines[number].kill() == -signal.SIGKILL
        self.start(number)

    def end_connections(self) -> None:
        self._ask(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{CLIENT}'")

    def kill_connection(self) -> None:
        """Kill the process of one connection; the server then ends all of them and recovers."""
        found = self._ask(f"SELECT pid FROM pg_stat_activity WHERE usename = '{CLIENT}'").split()
        if found:
            with suppress(ProcessLookupError):
                os.kill(int(self.random.choice(found)), signal.SIGKILL)

    def _ask(self, statement: str) -> str:
        """Execute SQL at the server, which may still recover."""
        answers: list[str] = []

        def is_answered() -> bool:
            with suppress(CalledProcessError):
                answers.append(self.cluster.sql(statement))
            return bool(answers)

        wait_until(is_answered, START_SECONDS)
        return answers[0]

    def kill_server(self) -> None:
        self.cluster.kill()
        self.network.start_server([])

    def cut_link(self) -> None:
        number = self.random.randrange(len(NAMES))
        self.network.cut(number)
        self._cut[number] = time.monotonic() + self.random.uniform(0.2, LONGEST_CUT)

    def ask_for_sync(self) -> None:
        """Ask a daemon to sync now, without waiting: this also lets deletions of other machines through."""
        with self.machines[self.random.randrange(len(NAMES))].connect() as wire:
            wire.post("sync.run", accept_deletions=True)

    def settle(self) -> None:
        """Mend everything, and sync until no machine has anything new for another."""
        for number in self._cut:
            self.network.mend(number)
        before: list[dict[str, int]] = []
        for _ in range(30):
            seen = [self._sync(segued) for segued in self.machines]
            if seen == before and all(one == seen[0] for one in seen):
                return
            before = seen
        raise AssertionError(f"the machines never come to rest: {before}")

    def _sync(self, segued: Segued) -> dict[str, int]:
        """Sync, and return the newest batch of each machine that is here.

        The server may still notice that a process was killed, and end all connections once more.
        """
        answers: list[dict[str, Any]] = []

        def is_answered() -> bool:
            with Wire(segued.socket, timeout=SYNC_SECONDS) as wire:
                answers.append(wire.respond("sync.run", {"accept_deletions": True}))
            return "result" in answers[-1]

        wait_until(is_answered, START_SECONDS, lambda: f"sync fails: {answers[-1]}")
        status = answers[-1]["result"]
        assert status["problems"] == []
        return {one["id"]: one["batches"] for one in status["machines"]}

    def check(self) -> None:
        """Check that nothing is lost, all machines are equal, and what was deleted is nowhere."""
        expected = self.said.expected()
        words = self.random.sample(sorted(expected), min(SOUGHT, len(expected)))
        first, *others = [read_all(segued, words) for segued in self.machines]
        for name, other in zip(NAMES[1:], others, strict=True):
            for part in first:
                where = f"{part} of {NAMES[0]} and {name}"
                assert other[part] == first[part], f"{where} differ: {difference(first[part], other[part])}"
        lost = expected - texts_of(first)
        assert not lost, f"lost {len(lost)} of {len(expected)}: {sorted(lost)[:5]}"
        assert all(len(first["search"][word]) == 1 for word in words)
        assert not self.said.deleted & texts_of(first)
        # A session's name keeps the words of its first message.
        names = " ".join(str(session["session"]["name"]) for session in first["sessions"].values())
        self.gone = [word for word in self.said.deleted if word not in names]

    async def check_hub(self) -> None:
        """Check that no deleted word is at the hub, after `check`."""
        key = parse_line(self.invitation)
        transport = open_hub(self.cluster.url(DATABASE, f"{CLIENT}:{self.password}"), key, ())
        batches = 0
        try:
            for machine in await transport.heads():
                async for batch in transport.pull(machine, 0):
                    batches += 1
                    read = open_batch(key, batch)
                    plain = encode(read)
                    left = [word for word in self.gone if word.encode() in plain]
                    assert not left, [(word, [one for one in read.records if word in str(one)]) for word in left]
        finally:
            await transport.close()
        tried("batches at a hub that were searched for deleted words: none was left", batches)


BREAKS: dict[str, tuple[Callable[[World], None], int]] = {
    "kills of a daemon that syncs": (World.kill_daemon, 5),
    "ends of all connections to a hub": (World.end_connections, 3),
    "kills of a connection's process at a hub": (World.kill_connection, 2),
    "kills of a hub": (World.kill_server, 2),
    "links to a hub taken away": (World.cut_link, 5),
    "requests to sync while things break": (World.ask_for_sync, 4),
}


OpenNetwork = Callable[[Cluster, int], AbstractContextManager[Network]]


@contextmanager
def opened(folder: Path, open_network: OpenNetwork, seed: int) -> Iterator[World]:
    """Yield a world that runs. At its end check the logs, the files and the databases of all machines."""
    with ExitStack() as stack:
        cluster = stack.enter_context(make_cluster())
        network = stack.enter_context(open_network(cluster, len(NAMES)))
        world = World(folder, cluster, network, seed)
        for segued in world.machines:
            stack.callback(segued.finish)
        world.begin()
        yield world


def survive(world: World, until: Callable[[], bool]) -> None:
    """Break things while the persons work, then check everything."""
    with ExitStack() as stack:
        for person in world.persons:
            person.start()
            stack.callback(person.stop)
        while not until():
            world.break_something()
            time.sleep(world.random.uniform(0.05, 1.0))
    world.settle()
    world.check()
    anyio.run(world.check_hub)
    for what, count in world.counts.items():
        tried(what, count)
    tried(ANSWERED, len(world.said.answered))


def test_three_machines_agree_after_everything_broke(tmp_path: Path, sync_minutes: float) -> None:
    end = time.monotonic() + 60 * sync_minutes
    with opened(tmp_path, open_namespaces if may_make_namespaces() else open_proxies, 7) as world:
        survive(world, lambda: time.monotonic() > end)
    tried("seconds of three machines whose daemons, links and server break", int(60 * sync_minutes))


def test_three_machines_agree_after_their_connections_were_cut_by_proxies(tmp_path: Path) -> None:
    with opened(tmp_path, open_proxies, 8) as world:
        survive(world, lambda: sum(world.counts.values()) >= 25)
