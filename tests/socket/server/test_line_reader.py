"""Read long lines within a number of slots: without a slot a connection is not read, and one that stalls is closed."""

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from segue.jsonrpc.framing import Unreadable
from segue.server.net import line_reader
from segue.server.net.line_reader import LONG_LINE_BYTES, LineReader, Stalled
from segue.server.net.socket_stream import SocketStream
from tests.support.wire import TIMEOUT_SECONDS

LONG = b"x" * (3 * LONG_LINE_BYTES)


class Sender:
    """The client's end, and the reader at the daemon's end."""

    def __init__(self, slots: anyio.Semaphore) -> None:
        self.socket, far = socket.socketpair()
        self.socket.settimeout(0)
        self.stream = SocketStream(far, LONG_LINE_BYTES, time.monotonic)
        self.reader = LineReader(self.stream, 2**20, slots)

    async def send(self, data: bytes) -> None:
        while data:
            await anyio.wait_writable(self.socket)
            data = data[self.socket.send(data) :]


@asynccontextmanager
async def senders(count: int, slots: anyio.Semaphore) -> AsyncIterator[list[Sender]]:
    made = [Sender(slots) for _ in range(count)]
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            for sender in made:
                await tasks.start(_keep_open, sender.stream)
            yield made
            tasks.cancel_scope.cancel()
    for sender in made:
        sender.socket.close()


async def _keep_open(stream: SocketStream, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    async with stream:
        task_status.started()
        await anyio.sleep_forever()


async def test_without_a_slot_a_long_line_waits_and_a_short_one_does_not() -> None:
    slots = anyio.Semaphore(1)
    async with senders(3, slots) as (first, second, short), anyio.create_task_group() as tasks:
        found: list[str] = []

        async def read(sender: Sender, name: str) -> None:
            assert await sender.reader.read() == [LONG]
            found.append(name)

        await first.send(LONG)
        tasks.start_soon(read, first, "first")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(second.send, LONG + b"\n")
        tasks.start_soon(read, second, "second")
        await anyio.wait_all_tasks_blocked()
        await short.send(b"short\n")
        assert await short.reader.read() == [b"short"]
        await first.send(b"\n")
        await anyio.wait_all_tasks_blocked()
        assert found == ["first"]
        first.reader.release_slot()
        await anyio.wait_all_tasks_blocked()
        assert found == ["first", "second"]
        second.reader.release_slot()
        second.reader.release_slot()
    assert slots.value == 1


@pytest.mark.parametrize("line", [b" " * len(LONG), b"x" * (2**20 + 1)])
async def test_blank_and_skipped_lines_give_their_slot_back(line: bytes) -> None:
    slots = anyio.Semaphore(1)
    async with senders(1, slots) as (sender,), anyio.create_task_group() as tasks:
        tasks.start_soon(sender.send, line + b"\n" + b"next\n")
        lines: list[bytes | Unreadable] = []
        while b"next" not in lines:
            lines = await sender.reader.read() or []
            sender.reader.release_slot()
        assert slots.value == 1


async def test_line_that_stalls_with_a_slot_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_reader, "STALLED_SECONDS", 0.05)
    async with senders(2, anyio.Semaphore(1)) as (sender, idle):
        await sender.send(LONG)
        with pytest.raises(Stalled):
            await sender.reader.read()
        sender.reader.release_slot()
        await idle.send(b"x" * LONG_LINE_BYTES)
        with anyio.move_on_after(0.2):
            await idle.reader.read()
            pytest.fail("there is no whole line")


async def test_end_of_the_stream_ends_a_long_line() -> None:
    async with senders(1, anyio.Semaphore(1)) as (sender,):
        await sender.send(LONG)
        sender.socket.shutdown(socket.SHUT_WR)
        assert await sender.reader.read() is None
        assert sender.reader.finish() == [LONG]
