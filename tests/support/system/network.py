"""A network of machines around one PostgreSQL, whose links a test takes away and gives back.

`Namespaces` gives the server and each machine a network namespace of its own, with a virtual cable between them. A
cable that is down loses every packet without an error. Only root can make namespaces. `Proxies` needs no
rights: each machine has a proxy before the server's socket, whose connections are cut.
"""

import ctypes
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from tests.support.system.postgres import PORT, Cluster, cluster_connector
from tests.support.system.proxy import Proxy

CLONE_NEWNET = 0x40000000
FIRST_PROXY = 6001
"""The port, which is a part of a socket's name, of the first machine's proxy."""


class Network(Protocol):
    """The way of each machine to the server, named by the machine's number."""

    def start_server(self, settings: Sequence[str]) -> None:
        """Start the server, within reach of all machines whose link is there."""

    @contextmanager
    def inside(self, machine: int) -> Iterator[None]:
        """Start processes as a part of the machine."""
        yield

    def url(self, machine: int, database: str, user: str) -> str:
        """Return the URL by which the machine reaches the server. USER may have a password."""

    def cut(self, machine: int) -> None:
        """Take the machine's link away."""

    def mend(self, machine: int) -> None:
        """Give the machine's link back."""


class Namespaces:
    """A network namespace for the server and one for each machine."""

    def __init__(self, cluster: Cluster, machines: int) -> None:
        self._cluster = cluster
        prefix = f"segue-{secrets.token_hex(3)}"
        self._hub = f"{prefix}-hub"
        self._machines = [f"{prefix}-{number}" for number in range(machines)]
        self.made: list[str] = []

    def make(self) -> None:
        """Make the namespaces and the cables between them.

        Raises:
            CalledProcessError: they are refused here.
        """
        for name in (self._hub, *self._machines):
            _ip("netns", "add", name)
            self.made.append(name)
            _ip("-n", name, "link", "set", "lo", "up")
        for number, name in enumerate(self._machines):
            cable = ["link", "add", f"to{number}", "type", "veth", "peer", "name", "hub", "netns", name]
            _ip("-n", self._hub, *cable)
            for end, place, interface in ((1, self._hub, f"to{number}"), (2, name, "hub")):
                _ip("-n", place, "addr", "add", f"10.77.{number}.{end}/24", "dev", interface)
                _ip("-n", place, "link", "set", interface, "up")

    def remove(self) -> None:
        """Remove what was made; the cables go with the namespaces."""
        for name in self.made:
            _ip("netns", "del", name)

    def start_server(self, settings: Sequence[str]) -> None:
        """Start the server in its namespace."""
        with _entered(self._hub):
            self._cluster.start(["listen_addresses=*", *settings])

    @contextmanager
    def inside(self, machine: int) -> Iterator[None]:
        """Start processes in the namespace of the machine."""
        with _entered(self._machines[machine]):
            yield

    def url(self, machine: int, database: str, user: str) -> str:
        """Return the URL by which the machine reaches the server."""
        return f"postgresql://{user}@10.77.{machine}.1:{PORT}/{database}?sslmode=disable"

    def cut(self, machine: int) -> None:
        """Take the machine's cable out."""
        _ip("-n", self._hub, "link", "set", f"to{machine}", "down")

    def mend(self, machine: int) -> None:
        """Put the machine's cable back."""
        _ip("-n", self._hub, "link", "set", f"to{machine}", "up")


class Proxies:
    """A proxy for each machine, before the server's socket."""

    def __init__(self, cluster: Cluster, proxies: list[Proxy]) -> None:
        self._cluster = cluster
        self._proxies = proxies

    def start_server(self, settings: Sequence[str]) -> None:
        """Start the server."""
        self._cluster.start(settings)

    @contextmanager
    def inside(self, machine: int) -> Iterator[None]:
        """Do nothing: only the URL differs."""
        yield

    def url(self, machine: int, database: str, user: str) -> str:
        """Return the URL of the machine's proxy."""
        return self._cluster.url(database, user, FIRST_PROXY + machine)

    def cut(self, machine: int) -> None:
        """Cut the machine's connections."""
        self._proxies[machine].cut()

    def mend(self, machine: int) -> None:
        """Let the machine's connections through."""
        self._proxies[machine].mend()


@contextmanager
def open_namespaces(cluster: Cluster, machines: int) -> Iterator[Network]:
    """Yield namespaces for a cluster that does not run yet."""
    network = Namespaces(cluster, machines)
    try:
        network.make()
        yield network
    finally:
        network.remove()


@contextmanager
def open_proxies(cluster: Cluster, machines: int) -> Iterator[Network]:
    """Yield proxies before a cluster that does not run yet."""
    with ExitStack() as stack:
        proxies = []
        for number in range(machines):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            listener.bind(str(cluster.home / f".s.PGSQL.{FIRST_PROXY + number}"))
            listener.listen()
            proxies.append(stack.enter_context(Proxy(listener, cluster_connector(cluster))))
        yield Proxies(cluster, proxies)


def may_make_namespaces() -> bool:
    """Return True if this process may make network namespaces and cables, and the program for it is there."""
    if os.geteuid() or shutil.which("ip") is None:
        return False
    name = f"segue-{secrets.token_hex(3)}-try"
    try:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "add", "one", "type", "veth", "peer", "name", "other")
        _ip("-n", name, "addr", "add", "10.77.0.1/24", "dev", "one")
        _ip("-n", name, "link", "set", "one", "up")
    except subprocess.CalledProcessError:
        return False
    else:
        return True
    finally:
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", name)


@contextmanager
def _entered(namespace: str) -> Iterator[None]:
    """Move this thread into a namespace, which the processes that it starts share."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open("rb") as own, Path(f"/run/netns/{namespace}").open("rb") as other:
        _enter(libc, other.fileno())
        try:
            yield
        finally:
            _enter(libc, own.fileno())


def _enter(libc: ctypes.CDLL, descriptor: int) -> None:
    """Call setns, which Python has from 3.12 on."""
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns failed")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
