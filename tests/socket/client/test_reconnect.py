"""A client survives a restart of the daemon: it repeats what is safe to repeat and raises once for the rest."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from segue.api import METHODS, message, session
from segue.client import AsyncClient, Client, ConnectionLost, Unreachable
from segue.client.retry import READS, RETRY_SECONDS, can_repeat
from tests.support.deadline import quickest
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client.connect(server.paths, autostart=False) as client:
        yield client


def test_a_read_is_repeated_after_a_restart(server: Server, client: Client) -> None:
    client.call(session.create, id="s")
    server.restart()
    assert client.call(session.get, session_id="s").id == "s"


def test_an_append_with_a_key_is_repeated_and_stored_once(server: Server, client: Client) -> None:
    client.call(session.create, id="s")
    for _ in range(2):
        server.restart()
        added = client.call(message.append, session_id="s", role="user", content="x", key="k")
    assert added.duplicate
    assert client.call(message.count, session_id="s").count == 1


def test_another_request_raises_once_and_works_the_next_time(server: Server, client: Client) -> None:
    server.restart()
    with pytest.raises(ConnectionLost):
        client.call(session.create, id="s")
    assert client.call(session.create, id="s").id == "s"


def test_a_read_waits_for_a_daemon_that_starts_later(server: Server, client: Client) -> None:
    client.retry_seconds = TIMEOUT_SECONDS
    server.stop()
    starting = threading.Timer(1.5, server.start)
    starting.start()
    assert client.request("daemon.ping") == "pong"
    starting.join()


def test_a_read_raises_unreachable_when_no_daemon_comes_back(server: Server, client: Client) -> None:
    client.retry_seconds = 0.2
    server.stop()

    def ask() -> None:
        with pytest.raises(Unreachable):
            client.request("daemon.ping")

    assert quickest(ask, RETRY_SECONDS) < RETRY_SECONDS


def test_a_closed_client_does_not_reconnect(client: Client) -> None:
    client.close()
    with pytest.raises(ConnectionLost, match="closed"):
        client.request("daemon.ping")


async def test_the_async_client_reconnects_too(server: Server) -> None:
    async with AsyncClient.connect(server.paths, autostart=False) as client:
        await client.call(session.create, id="s")
        await asyncio.to_thread(server.restart)
        assert (await client.call(session.get, session_id="s")).id == "s"
        await asyncio.to_thread(server.restart)
        with pytest.raises(ConnectionLost):
            await client.call(session.touch, session_id="s")
        assert (await client.call(session.touch, session_id="s")).id == "s"


def test_an_async_client_serves_several_event_loops_one_after_the_other(server: Server) -> None:
    client = asyncio.run(AsyncClient.open(server.paths, autostart=False))

    async def append(number: int) -> int:
        async with asyncio.TaskGroup() as tasks:
            for index in range(10):
                tasks.create_task(client.call(session.create, id=f"{number}-{index}"))
        return (await client.call(session.list)).total

    assert [asyncio.run(append(number)) for number in range(3)] == [10, 20, 30]
    asyncio.run(client.aclose())
    with pytest.raises(ConnectionLost):
        asyncio.run(client.request("daemon.ping"))


def test_a_cancelled_event_loop_leaves_the_async_client_usable(server: Server) -> None:
    client = asyncio.run(AsyncClient.open(server.paths, autostart=False))

    async def wait_for_events() -> None:
        subscribed = await client.request("events.subscribe")
        async with asyncio.timeout(0.05):
            async for _ in client.events(subscribed["subscription_id"]):
                raise AssertionError("no event was expected")

    with pytest.raises(TimeoutError):
        asyncio.run(wait_for_events())
    assert asyncio.run(client.request("daemon.ping")) == "pong"
    asyncio.run(client.aclose())


def test_every_repeated_method_exists_and_no_write_is_repeated_without_a_key() -> None:
    assert set(METHODS) >= READS
    writes = [name for name in METHODS if name.rpartition(".")[2] not in ("get", "list", "count", "search", "latest")]
    repeated = [name for name in writes if can_repeat(name, {})]
    reads = ["context.build", "daemon.ping", "daemon.status", "events.subscribe", "rpc.discover"]
    of_sessions = ["session.complete", "session.export", "session.import", "session.prompt", "session.stats"]
    assert sorted(repeated) == [*reads, *of_sessions]


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("message.append", {"key": "k"}, True),
        ("message.append", {"key": None}, False),
        ("message.append", ["s", "user", "x"], False),
        ("message.append_many", {"messages": [{"key": "a"}, {"key": "b"}]}, True),
        ("message.append_many", {"messages": [{"key": "a"}, {}]}, False),
        ("message.replace", {"last": 1, "key": "k"}, True),
        ("message.replace", {"last": 1}, False),
        ("session.import", {"messages": [b"{}"]}, True),
        ("session.resolve", {"create": False}, True),
        ("session.resolve", {}, False),
    ],
)
def test_a_request_can_be_repeated_if_it_has_keys_or_creates_nothing(name: str, params: object, expected: bool) -> None:
    assert can_repeat(name, params) is expected


def test_a_refreshed_client_sends_any_request_after_a_restart(server: Server, client: Client) -> None:
    client.refresh()
    assert client.call(session.create, id="s").id == "s"
    server.restart()
    client.refresh()
    assert client.call(session.touch, session_id="s").id == "s"
