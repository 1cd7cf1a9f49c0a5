"""A proxy that can break its connections, between a client and a server."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class Way:
    """What happens to the bytes of one direction."""

    def __init__(self) -> None:
        self.budget: int | None = None
        """Bytes that pass before the connection is cut; None: all."""
        self.rewrite: Callable[[bytes], bytes] = bytes
        self._lock = threading.Lock()

    @property
    def is_spent(self) -> bool:
        return self.budget is not None and self.budget <= 0

    def take(self, data: bytes) -> bytes:
        """Return the bytes that pass, rewritten."""
        data = self.rewrite(data)
        with self._lock:
            if self.budget is not None:
                data, self.budget = data[: max(self.budget, 0)], self.budget - len(data)
        return data


class Proxy:
    """Passes bytes between a listening socket and new connections to a server.

    It cuts a connection when the budget of one way is spent, and all of them at `cut`.
    """

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
        self.is_cut = False
        self.requests, self.answers = Way(), Way()
        self._listener = listener
        self._connect = connect
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def cut(self) -> None:
        """Cut every connection, and each new one."""
        self.is_cut = True
        self._cut_open()

    def mend(self) -> None:
        """Pass bytes again, without limit."""
        self.is_cut = False
        self.requests.budget = self.answers.budget = None

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # The listener is closed
                return
            try:
                server = self._connect()
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            if self.is_cut:
                self._end(client, server)
            self._start(self._pass, client, server, self.requests)
            self._start(self._pass, server, client, self.answers)

    def _pass(self, source: socket.socket, target: socket.socket, way: "Way") -> None:
        with suppress(OSError):
            while not way.is_spent and (data := source.recv(65536)):
                target.sendall(way.take(data))
        self._end(source, target)

    def _end(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _cut_open(self) -> None:
        with self._lock:
            self._end(*self._open)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._cut_open()
        for thread in self._threads[1:]:
            thread.join()
        for one in {self._listener, *self._open}:
            one.close()
