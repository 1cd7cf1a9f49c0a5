"""Frame requests and responses by Content-Length, as the base protocol of LSP does."""

import socket

import pytest

from segue.config import Config, Limits
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(request_bytes=100_000))


def frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def exchange(server: Server, sent: bytes) -> bytes:
    """Send everything, and return everything that comes back."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(TIMEOUT_SECONDS)
        raw.connect(str(server.socket))
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        with raw.makefile("rb") as file:
            return file.read()


def test_body_over_the_limit_is_too_large_and_skipped(server: Server) -> None:
    ping = frame(b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}')
    found = exchange(server, b"content-length: 200000\r\n\r\n" + b"x" * 200_000 + b"Content-Type: x\r\n\r\n" + ping)
    assert found.count(b"Content-Length: ") == 3
    assert [found.count(word) for word in (b"-32004", b"-32700", b'"pong"')] == [1, 1, 1]
    assert found.endswith(frame(b'{"jsonrpc":"2.0","result":"pong","id":1}'))


def test_events_are_framed_too(server: Server) -> None:
    subscribe = b'{"jsonrpc":"2.0","id":1,"method":"events.subscribe"}'
    create = b'{"jsonrpc":"2.0",\n"id":2,"method":"session.create","params":{"id":"s"}}'
    found = exchange(server, frame(subscribe) + frame(create))
    heads = [part for part in found.split(b"Content-Length: ") if part]
    assert len(heads) == 3
    for part in heads:
        length, _, body = part.partition(b"\r\n\r\n")
        assert len(body) == int(length)
    assert b'"kind":"session.created"' in found
