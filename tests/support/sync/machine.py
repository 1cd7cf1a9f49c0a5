"""One machine of a history: a real database and the real queries, without a daemon, threads or sockets."""

import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from segue.config import Config
from segue.errors import Conflict
from segue.paths import Paths
from segue.runtime.progress import RunningJobs
from segue.server.jobs.sync_rounds import SyncRounds
from segue.store.engine.connection import connect_writer
from segue.store.engine.tx import Tx
from segue.store.records import purges
from segue.store.records.message import stream
from segue.store.search import index
from segue.store.sync import account, journal, lifecycle
from segue.store.sync.homes import Home
from segue.sync import keys, marks, positions, rotation, starting
from segue.sync.keys import Key
from segue.sync.transports.transport import Transport

T = TypeVar("T")

OpenTransport = Callable[[Key, list[str]], Transport]
"""Opens the account of a key, for a machine with these names."""


class Crash(BaseException):
    """The machine dies at this point."""


class Store:
    """The methods of the real store that a syncer uses, on one connection. Each may be where the machine dies."""

    def __init__(self, path: Path, clock: Callable[[], int], dies: Callable[[], None]) -> None:
        self.path = path
        self.commit_count = 0
        """The commits of clients. There are none while a machine syncs."""
        self.connection = connect_writer(path, "normal")
        self.connection.execute("PRAGMA synchronous = OFF")
        self._clock = clock
        self._dies = dies

    async def read(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return query(Tx(self.connection, self._clock()), *args, **kwargs)

    async def read_on_new_connection(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return query(Tx(self.connection, self._clock()), *args, **kwargs)

    async def write_long(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self.write(query, *args, **kwargs)

    async def write_deletion(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return await self.write(query, *args, **kwargs)

    async def write(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        self._dies()
        value = self.do(query, *args, **kwargs)
        self._dies()
        return value

    def do(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        tx = Tx(self.connection, self._clock())
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            value = query(tx, *args, **kwargs)
            journal.record(tx)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        return value

    def close(self) -> None:
        self.connection.close()


class Machine:
    """A machine with its directory, its clock and its way to the hub."""

    def __init__(self, name: str, folder: Path, clock: Callable[[], int], random: Random) -> None:
        self.name = name
        self.folder = folder
        self.clock = clock
        self.random = random
        self.home = Home(f"/home/{name}")
        self.crashes = 0
        self.is_retired = False
        """True if the last round found that another machine replaced the key."""
        self._fuse: int | None = None
        self.store: Store
        folder.mkdir(exist_ok=True)

    @property
    def database(self) -> Path:
        return self.folder / "sessions.db"

    def _dies(self) -> None:
        if self._fuse is not None:
            self._fuse -= 1
            if self._fuse < 0:
                self._fuse = None
                self.crashes += 1
                raise Crash

    @property
    def key(self) -> Key:
        return keys.read_key(self.database)

    def create(self, key: Key) -> None:
        self.store = Store(self.database, self.clock, self._dies)
        self._begin(key)

    def _begin(self, key: Key) -> None:
        keys.write_key(self.database, key)
        fingerprint = starting.new_fingerprint(self.database)
        self.store.do(lifecycle.begin, "test:", self.name, fingerprint)
        mark = marks.Mark([fingerprint.rpartition(" ")[2]], self.uid)
        marks.write_mark(self.database, mark)

    async def start(self) -> None:
        self.store = Store(self.database, self.clock, self._dies)
        await starting.begin_life(self.store, self.database)  # type: ignore[arg-type]
        self.store.do(stream.interrupt_all)

    async def die(self) -> None:
        self.store.close()
        await self.start()

    def do(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return self.store.do(query, *args, **kwargs)

    def read(self, query: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return query(Tx(self.store.connection, self.clock()), *args, **kwargs)

    async def sync(self, open_transport: OpenTransport, fuse: int | None = None) -> int:
        """Do one round, dying after FUSE steps; return how many batches were pulled and pushed."""
        before = self._batches()
        rounds = Rounds(self, open_transport)
        await self._live(lambda: rounds.run(accept_deletions=True), fuse)
        assert not [problem for problem in rounds.problems if "not erased yet" not in problem], rounds.problems
        return self._batches() - before

    async def rekey(self, open_transport: OpenTransport, fuse: int | None = None) -> bool:
        """Replace the key, dying after FUSE steps; return True if this machine has a new one."""
        before = self.key
        await self._live(Rounds(self, open_transport).rekey, fuse)
        return self.key != before

    async def follow(self, key: Key, open_transport: OpenTransport, fuse: int | None = None) -> None:
        """Take a key that another machine made, dying after FUSE steps.

        Leave first if the error says so: the hub lost the old account, and this machine never met one of the new.
        """
        try:
            await self._live(lambda: Rounds(self, open_transport).follow("test:", key, None), fuse)
        except Conflict as error:
            if error.data["reason"] == "sync_on":
                self.join_again(key)
            elif error.data["reason"] != "account":  # The machine that made the key has to sync first.
                raise

    def join_again(self, key: Key | None = None) -> None:
        """Leave, and join with the same key or another one."""
        key = key or self.key
        self.store.do(account.end)
        for path_of in (keys.key_path, marks.mark_path, rotation.state_path):
            path_of(self.database).unlink(missing_ok=True)
        self._begin(key)

    async def _live(self, work: Callable[[], Awaitable[object]], fuse: int | None) -> None:
        """Do the work, and start again if the machine dies in it. A hub that is away is no fault."""
        self._fuse = fuse
        try:
            await work()
        except Crash:
            await self.die()
        except Conflict as error:
            if error.data["reason"] not in ("hub", "rekeyed"):
                raise
            self.is_retired = error.data["reason"] == "rekeyed"
        else:
            self.is_retired = False
        finally:
            self._fuse = None

    def _batches(self) -> int:
        """Return how many batches this machine has, of all machines."""
        known = self.read(positions.machines)
        return sum(0 if one.is_own else one.pulled for one in known) + self.read(account.get).accepted

    @property
    def uid(self) -> str:
        sql = "SELECT uid FROM sync_machines WHERE n = (SELECT machine FROM sync_account)"
        return bytes(self.store.connection.execute(sql).fetchone()[0]).hex()

    def purge(self) -> None:
        """Remove what is deleted from the tables, and index the rest."""
        while self.read(purges.are_due):
            self.do(purges.remove_slice)
        newest = self.read(index.newest)
        while self.read(index.is_behind, newest):
            self.do(index.step, newest)

    def copy_files(self, target: Path) -> None:
        """Copy the database with its WAL, and the file beside it, as a backup of the directory does."""
        target.mkdir(exist_ok=True)
        self.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for file in self.folder.iterdir():
            if not file.name.endswith(("-wal", "-shm")):
                shutil.copy(file, target / file.name)

    async def put_back(self, source: Path) -> None:
        """Replace the database by an older one, in place."""
        await starting.record_mark(self.store, self.database)  # type: ignore[arg-type]
        self._replace(source)
        await self.start()

    def _replace(self, source: Path) -> None:
        self.store.close()
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.database}{suffix}").unlink()
        with (source / "sessions.db").open("rb") as old, self.database.open("r+b") as file:
            file.truncate()
            shutil.copyfileobj(old, file)


class Rounds(SyncRounds):
    """The rounds of a machine, which may die at each call of the hub."""

    def __init__(self, machine: Machine, open_transport: OpenTransport) -> None:
        paths = Paths(Config(), Path(), machine.database, Path(), socket_explicit=False)
        super().__init__(machine.store, paths, RunningJobs(), lambda: None)  # type: ignore[arg-type]
        self._machine = machine
        self._open_transport = open_transport

    def home(self) -> Home:
        return self._machine.home

    async def open(self, key: Key | None = None, url: str | None = None) -> Transport:
        names = self._machine.read(account.own_names)
        return Mortal(self._open_transport(key or self.key(), names), self._machine._dies)


class Mortal:
    """A transport during whose calls the machine may die, before or after they have their effect."""

    def __init__(self, transport: Transport, dies: Callable[[], None]) -> None:
        self._transport = transport
        self._dies = dies

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._transport, name)
        if name in ("pull", "close"):
            return method

        async def call(*args: Any) -> Any:
            self._dies()
            value = await method(*args)
            self._dies()
            return value

        return call


Error = sqlite3.Error
