"""Speak with python-lsp-jsonrpc, the library of Python's language servers, which frames by Content-Length."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import pytest
from pylsp_jsonrpc.endpoint import Endpoint
from pylsp_jsonrpc.exceptions import JsonRpcException
from pylsp_jsonrpc.streams import JsonRpcStreamReader, JsonRpcStreamWriter

from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS


class Peer:
    """python-lsp-jsonrpc on a connection, with a thread that reads."""

    def __init__(self, segued: Segued) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT_SECONDS)
        self.socket.connect(str(segued.socket))
        self.incoming, self.outgoing = self.socket.makefile("rb"), self.socket.makefile("wb")
        self.events: Queue[Any] = Queue()
        self.endpoint = Endpoint({"event": self.events.put}, JsonRpcStreamWriter(self.outgoing).write)
        self._pool = ThreadPoolExecutor(1)
        self._pool.submit(JsonRpcStreamReader(self.incoming).listen, self.endpoint.consume)

    def call(self, method: str, **params: Any) -> Any:
        return self.endpoint.request(method, params).result(TIMEOUT_SECONDS)

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self._pool.shutdown()
        self.endpoint.shutdown()
        self.incoming.close()
        self.outgoing.close()
        self.socket.close()


@pytest.fixture
def peer(segued: Segued) -> Iterator[Peer]:
    segued.start()
    made = Peer(segued)
    yield made
    made.close()


def test_client_library_calls_fails_and_receives_events(peer: Peer) -> None:
    assert peer.call("daemon.ping") == "pong"
    peer.call("events.subscribe")
    assert peer.call("session.create", id="s")["id"] == "s"
    peer.endpoint.notify("message.append", {"session_id": "s", "role": "user", "content": "é\n" * 40_000})
    assert peer.call("message.count", session_id="s") == {"count": 1}
    kinds = [peer.events.get(timeout=TIMEOUT_SECONDS)["kind"] for _ in range(3)]
    assert kinds == ["session.created", "message.appended", "session.updated"]
    with pytest.raises(JsonRpcException) as caught:
        peer.call("session.get", session_id="other")
    assert caught.value.code == -32002
