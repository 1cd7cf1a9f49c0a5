"""A PostgreSQL server of its own, as Debian ships it, over its Unix socket."""

import os
import pwd
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

START_SECONDS = 120
USER = "bench"
"""The superuser of the cluster."""

PORT = 5432

HBA = """\
local all segue_client scram-sha-256
local all all trust
host all segue_client all scram-sha-256
"""
"""Who may connect: the clients of a hub by their password, all other roles without, and only on this machine."""


class Cluster:
    """A new cluster in a folder. Debian's settings apply but for those that `start` is given."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None
        options = ["-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync"]
        self.run("initdb", "-D", str(home / "data"), *options)
        (home / "data" / "pg_hba.conf").write_text(HBA)

    @property
    def socket(self) -> Path:
        return self.home / f".s.PGSQL.{PORT}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def url(self, database: str = "postgres", user: str = USER, port: int = PORT) -> str:
        return f"postgresql://{user}@/{database}?host={self.home}&port={port}"

    def start(self, settings: Sequence[str] = ()) -> None:
        """Return when the server accepts connections."""
        given = [word for setting in settings for word in ("-c", setting)]
        command = [str(program("postgres")), "-D", str(self.home / "data"), "-k", str(self.home), "-h", "", *given]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.home, **_as_account())
        end = time.monotonic() + START_SECONDS
        while not self._accepts():
            assert time.monotonic() < end, (self.home / "log").read_text()[-2000:]
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server immediately, without a checkpoint, because nothing uses its files afterwards."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(START_SECONDS)
            self.process = None

    def kill(self) -> None:
        """Kill the server and every process of it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)  # So that it neither starts a process nor waits for one meanwhile.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        children = [os.pidfd_open(pid) for pid in self._children()]
        self.process.kill()
        self.process.wait(START_SECONDS)
        self.process = None
        for child in children:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(child, signal.SIGKILL)
            assert select.select([child], [], [], START_SECONDS)[0]
            os.close(child)

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to one of the server's processes."""
        assert pid in self._children()
        os.kill(pid, number)

    def run(self, name: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs and return its output."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(program(name)), *arguments], check=True, capture_output=True, text=True, cwd=self.home, **_as_account()
        )
        return done.stdout

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Execute SQL as the superuser and return the values, tab-separated."""
        options = ["-X", "-q", "-t", "-A", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", str(self.home), "-U", USER]
        return self.run("psql", *options, "-d", database, "-c", statement).strip()

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def _accepts(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / "log").read_text()
        names = f"user\0{USER}\0database\0no such database\0\0".encode()
        startup = struct.pack("!ii", 8 + len(names), 3 << 16) + names
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(START_SECONDS)
            connection.connect(str(self.socket))
            connection.sendall(startup)
            # That the database does not exist, only a server that has started can say: 3D000
            return b"C3D000" in connection.recv(4096)
        return False


@contextmanager
def make_cluster() -> Iterator[Cluster]:
    """Yield a cluster that does not serve yet. It is in a folder of PostgreSQL's account, whose path fits a socket."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        if (account := _account()) is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        cluster = Cluster(Path(folder))
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def open_cluster(settings: Sequence[str] = ()) -> Iterator[Cluster]:
    """Yield a cluster that serves."""
    with make_cluster() as cluster:
        cluster.start(settings)
        yield cluster


def missing() -> str | None:
    """Return the reason why no cluster can be made here, or None."""
    if program("initdb") is None:
        return "not installed (postgresql)"
    if os.geteuid() == 0 and _account() is None:
        return "needs an unprivileged account (postgres or nobody)"
    return None


def program(name: str) -> Path | None:
    """Return the newest version of a program. Debian installs them outside PATH."""

    def version(path: Path) -> float:
        return float(path.parts[-3])

    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=version)
    on_path = shutil.which(name)
    return found[-1] if found else Path(on_path) if on_path else None


def _account() -> pwd.struct_passwd | None:
    """Return the account to run the server as, because it refuses to run as root; None for the caller's own."""
    if os.geteuid():
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known.get("nobody")


def _as_account() -> dict[str, Any]:
    account = _account()
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def cluster_connector(cluster: Cluster) -> Callable[[], socket.socket]:
    """Return a function that connects to the cluster."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(cluster.socket))
        except OSError:
            connection.close()
            raise
        return connection

    return connect
