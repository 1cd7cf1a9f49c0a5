"""One machine of a history: a real database and the real queries, without a daemon, threads or sockets."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from segue.store.engine.connection import connect_writer
from segue.store.engine.tx import Tx
from segue.store.records import purges
from segue.store.records.message import stream
from segue.store.search import index
from segue.store.sync import account, journal, lifecycle
from segue.store.sync.homes import Home
from segue.sync import marks, starting
from segue.sync.keys import Key
from segue.sync.syncer import CopyFound, Syncer
from segue.sync.transports.transport import Transport, TransportError

T = TypeVar("T")


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

    def __init__(self, name: str, folder: Path, clock: Callable[[], int], key: Key, random: Random) -> None:
        self.name = name
        self.folder = folder
        self.clock = clock
        self.key = key
        self.random = random
        self.home = Home(f"/home/{name}")
        self.crashes = 0
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

    def create(self) -> None:
        self.store = Store(self.database, self.clock, self._dies)
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

    async def sync(self, open_transport: Callable[[list[str]], Transport], fuse: int | None = None) -> tuple[int, int]:
        """Do one round, dying after FUSE steps; return how many batches were pulled and pushed."""
        self._fuse = fuse
        try:
            for _ in range(3):
                syncer = Syncer(
                    self.store,  # type: ignore[arg-type]
                    Mortal(open_transport(self.read(account.own_names)), self._dies),
                    self.key,
                    self.home,
                    lambda: None,
                )
                syncer.accept_deletions = True
                try:
                    done = await syncer.run()
                except CopyFound:
                    await starting.rename(self.store, self.database)  # type: ignore[arg-type]
                    continue
                except TransportError:
                    return 0, 0
                assert not done.problems, done.problems
                await starting.record_mark(self.store, self.database)  # type: ignore[arg-type]
                return done.pulled, done.pushed
        except Crash:
            await self.die()
        finally:
            self._fuse = None
        return 0, 0

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


class Mortal:
    """A transport during whose calls the machine may die, before or after they have their effect."""

    def __init__(self, transport: Transport, dies: Callable[[], None]) -> None:
        self._transport = transport
        self._dies = dies

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._transport, name)
        if name == "pull":
            return method

        async def call(*args: Any) -> Any:
            self._dies()
            value = await method(*args)
            self._dies()
            return value

        return call


Error = sqlite3.Error
