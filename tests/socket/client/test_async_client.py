import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple, assert_type

import anyio
import pytest
from anyio.abc import UNIXSocketStream

from segue.api import message, session
from segue.client import AsyncClient, ConnectionLost, ProtocolError, TimedOut, Unreachable
from segue.errors import NotFound
from segue.models import Session
from segue.results import Appended
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS


class Peer(NamedTuple):
    """A client and the other end of its connection, on which the test plays the daemon."""

    client: AsyncClient
    theirs: UNIXSocketStream

    async def read_requests(self, count: int) -> list[Any]:
        data = b""
        with anyio.fail_after(TIMEOUT_SECONDS):
            while data.count(b"\n") < count:
                data += await self.theirs.receive()
        return [json.loads(line) for line in data.splitlines()]

    async def answer(self, id: int, result: Any) -> None:
        await self.theirs.send(json.dumps({"jsonrpc": "2.0", "result": result, "id": id}).encode() + b"\n")


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient.connect(server.paths) as client:
        yield client


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    near, far = socket.socketpair()
    async with await UNIXSocketStream.from_socket(far) as theirs:
        client = AsyncClient(near)
        yield Peer(client, theirs)
        await client.aclose()


async def test_a_call_returns_the_result_type_of_the_method(client: AsyncClient) -> None:
    made = assert_type(await client.call(session.create, id="s"), Session)
    added = assert_type(await client.call(message.append, session_id="s", role="user", content="x"), Appended)
    assert (made.id, added.session_id) == ("s", "s")
    assert await client.request("message.count", ["s"]) == {"count": 1}
    with pytest.raises(NotFound):
        await client.call(session.get, session_id="x")


async def test_each_of_many_tasks_gets_its_own_response(client: AsyncClient) -> None:
    found: dict[str, str] = {}

    async def create(id: str) -> None:
        made = await client.call(session.create, id=id, system_prompt=id * 5000)
        found[id] = (made.system_prompt or "")[: len(id)]

    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            for number in range(200):
                tasks.start_soon(create, f"s{number:03}")
    assert found == {f"s{number:03}": f"s{number:03}" for number in range(200)}


async def test_requests_are_pending_concurrently(peer: Peer) -> None:
    results: list[Any] = []

    async def send(name: str) -> None:
        results.append((name, await peer.client.request(name)))

    async with anyio.create_task_group() as tasks:
        for name in ("a", "b", "c"):
            tasks.start_soon(send, name)
        requests = await peer.read_requests(3)
        for request in requests:
            await peer.answer(request["id"], request["method"])
    assert sorted(results) == [("a", "a"), ("b", "b"), ("c", "c")]


async def test_a_cancelled_caller_does_not_disturb_the_others(peer: Peer) -> None:
    results: dict[str, Any] = {}

    async def send(name: str, scope: anyio.CancelScope) -> None:
        with scope:
            results[name] = await peer.client.request(name)

    scopes = [anyio.CancelScope() for _ in range(4)]
    async with anyio.create_task_group() as tasks:
        for name, scope in zip("abcd", scopes, strict=True):
            tasks.start_soon(send, name, scope)
        requests = await peer.read_requests(4)
        scopes[0].cancel()
        scopes[2].cancel()
        for request in requests:
            await peer.answer(request["id"], request["method"])
    assert results == {"b": "b", "d": "d"}


async def test_a_request_is_sent_completely_although_its_caller_is_cancelled(peer: Peer) -> None:
    scope = anyio.CancelScope()

    async def send() -> None:
        with scope:
            await peer.client.request("long", {"text": "x" * 4_000_000})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        start = await peer.theirs.receive(10)
        scope.cancel()
        rest = b""
        with anyio.fail_after(TIMEOUT_SECONDS):
            while not rest.endswith(b"\n"):
                rest += await peer.theirs.receive()
    assert len(json.loads(start + rest)["params"]["text"]) == 4_000_000
    await peer.answer(1, "dropped")
    await peer.answer(2, "next")
    assert await peer.client.request("next") == "next"


async def test_the_connection_remains_usable_after_a_timeout(peer: Peer) -> None:
    peer.client.timeout = 0.02
    with pytest.raises(TimedOut):
        await peer.client.request("first")
    peer.client.timeout = None
    await peer.answer(1, "late")
    await peer.answer(2, "second")
    assert await peer.client.request("second") == "second"


async def test_a_request_that_is_not_sent_in_time_ends_the_connection(peer: Peer) -> None:
    peer.client.timeout = 0.02
    with pytest.raises(TimedOut):
        await peer.client.request("first", {"text": "x" * 10_000_000})
    with pytest.raises(ConnectionLost):
        await peer.client.request("second")


@pytest.mark.parametrize(("last_data", "fault"), [(b"", ConnectionLost), (b"what?\n", ProtocolError)])
async def test_a_lost_connection_raises_in_all_pending_and_later_requests(
    peer: Peer, last_data: bytes, fault: type[Exception]
) -> None:
    faults: list[type[BaseException]] = []

    async def send() -> None:
        try:
            await peer.client.request("a")
        except (ConnectionLost, ProtocolError) as error:
            faults.append(type(error))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(send)
        await peer.read_requests(3)
        if last_data:
            await peer.theirs.send(last_data)
        await peer.theirs.aclose()
    await send()
    assert faults == [fault] * 4


async def test_an_error_inside_the_block_is_not_wrapped(server: Server) -> None:
    with pytest.raises(NotFound):
        async with AsyncClient.connect(server.paths) as client:
            await client.call(session.get, session_id="x")
    with pytest.raises(ConnectionLost):
        await client.request("daemon.ping")


async def test_a_missing_socket_raises_unreachable_immediately(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        async with AsyncClient.connect(tmp_path / "none.sock", timeout=None):
            pass


async def test_a_full_backlog_is_retried_until_the_timeout(tmp_path: Path) -> None:
    path = tmp_path / "busy.sock"
    with (
        socket.socket(socket.AF_UNIX) as listener,
        socket.socket(socket.AF_UNIX) as first,
    ):
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))
        with pytest.raises(TimedOut):
            async with AsyncClient.connect(path, timeout=0.01):
                pass
        listener.accept()[0].close()
        async with AsyncClient.connect(path):
            pass
