"""Clients that request large pages and do not read them: memory stays bounded, and every client is served."""

import time

import pytest

from tests.support.counters import measured
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.usage import memory_bytes
from tests.support.wire import Wire

MIB = 1 << 20
PAGE_MIB = 15
LIST = b'{"jsonrpc":"2.0","id":1,"method":"message.list","params":{"session_id":"s"}}\n'


def fill(wire: Wire) -> None:
    wire.call("session.create", id="s")
    for _ in range(PAGE_MIB):
        messages = [{"role": "user", "content": "x" * (MIB // 64)}] * 64
        wire.call("message.append_many", session_id="s", messages=messages)


def is_served(wire: Wire) -> bool:
    """Return True if the client gets its page, False if it was closed because it had not read for half a minute."""
    try:
        return len(wire.answer()["result"]["messages"]) > 900
    except (EOFError, ConnectionError):
        return False
    finally:
        wire.close()


@pytest.mark.parametrize(("clients", "limit_mib"), [(100, 300), (511, 500)])
def test_unread_pages_occupy_bounded_memory(segued: Segued, clients: int, limit_mib: int) -> None:
    wire = segued.start().connect()
    fill(wire)
    wires = [segued.connect() for _ in range(clients)]
    for other in wires:
        other.send(LIST)
    highest, slowest = 0.0, 0.0
    end = time.monotonic() + 8
    while time.monotonic() < end:
        start = time.monotonic()
        wire.call("message.append", session_id="s", role="user", content="short")
        slowest = max(slowest, time.monotonic() - start)
        highest = max(highest, memory_bytes(segued) / MIB)
    measured(f"{clients} unread pages of {PAGE_MIB} MiB: {highest:.0f} MiB, slowest append {slowest * 1000:.0f} ms")
    assert highest < limit_mib
    served = [is_served(other) for other in wires[:20]]
    assert any(served)
    for other in wires:
        other.close()
    wait_until(lambda: wire.call("daemon.status")["clients"] == 1)
