"""What a hub on PostgreSQL adds to the contract: notifications, and a server that is killed or hangs."""

import asyncio
import signal

import pytest

from segue.sync.transports.postgres import client
from segue.sync.transports.postgres.client import PostgresTransport
from segue.sync.transports.transport import Pushed, Transport, TransportError
from tests.socket.sync.transports.hubs import MACHINE, PostgresHub, batch
from tests.support.wire import TIMEOUT_SECONDS

SETTINGS = ["fsync=off", "log_min_messages=panic"]


def backend(transport: Transport) -> int:
    """Return the process of the server that serves the transport."""
    assert isinstance(transport, PostgresTransport)
    assert transport._connection is not None
    return transport._connection.info.backend_pid


def is_served(hub: PostgresHub, pid: int) -> bool:
    return hub.cluster.sql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == "1"


async def test_wait_ends_when_another_machine_pushes(postgres_hub: PostgresHub) -> None:
    mine, other = postgres_hub.open(), postgres_hub.open()
    await mine.heads()
    waiting = asyncio.create_task(mine.wait(TIMEOUT_SECONDS * 10))
    await other.push(batch())
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await waiting
    assert await mine.heads() == {MACHINE: 1}


async def test_wait_reports_a_push_from_before_it(postgres_hub: PostgresHub) -> None:
    mine, other = postgres_hub.open(), postgres_hub.open()
    await mine.heads()
    await other.push(batch())
    await mine.now()  # The notification arrives during another call
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await mine.wait(TIMEOUT_SECONDS * 10)


async def test_wait_does_not_end_by_an_own_push_or_another_account(postgres_hub: PostgresHub) -> None:
    mine, other = postgres_hub.open(), postgres_hub.open(account="f" * 32)
    await mine.push(batch())
    await other.push(batch())
    end = asyncio.get_running_loop().time() + 0.2
    await mine.wait(0.2)
    assert asyncio.get_running_loop().time() >= end
    await other.erase()


async def test_a_call_ends_a_wait_of_the_same_transport(postgres_hub: PostgresHub) -> None:
    transport = postgres_hub.open()
    await transport.push(batch())
    waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
    await asyncio.sleep(0)
    assert await transport.heads() == {MACHINE: 1}
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await waiting


async def test_a_wait_that_is_cancelled_leaves_the_connection_usable(postgres_hub: PostgresHub) -> None:
    transport = postgres_hub.open()
    await transport.push(batch())
    for turns in range(8):
        waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await transport.heads() == {MACHINE: 1}


async def test_a_wait_reports_a_lost_server(postgres_hub: PostgresHub) -> None:
    transport = postgres_hub.open()
    await transport.heads()
    waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
    await asyncio.sleep(0)
    postgres_hub.proxy.cut()
    with pytest.raises(TransportError) as lost:
        await waiting
    assert lost.value.retry
    postgres_hub.proxy.mend()
    assert await transport.heads() == {}


async def test_without_listen_a_wait_holds_no_connection(postgres_hub: PostgresHub) -> None:
    transport = postgres_hub.open(more="&listen=0")
    await transport.push(batch())
    pid = backend(transport)
    assert is_served(postgres_hub, pid)
    waiting = asyncio.create_task(transport.wait(TIMEOUT_SECONDS * 10))
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while is_served(postgres_hub, pid):
            await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await transport.heads() == {MACHINE: 1}


async def test_answered_pushes_survive_a_killed_server(postgres_hub: PostgresHub) -> None:
    answered: dict[str, int] = {}

    async def write(machine: str) -> None:
        transport = postgres_hub.open()
        answers: dict[int, Pushed | BaseException] = {}
        while not answers or answers[len(answers)] is Pushed.STORED:
            answered[machine] = len(answers)
            sent = batch(len(answers) + 1, bytes(3000), machine)
            [answers[sent.number]] = await asyncio.gather(transport.push(sent), return_exceptions=True)
        lost = answers[len(answers)]
        assert isinstance(lost, TransportError)
        assert lost.retry

    async def kill() -> None:
        while sum(answered.values()) < 60:
            await asyncio.sleep(0.001)
        await asyncio.to_thread(postgres_hub.cluster.kill)

    try:
        async with asyncio.TaskGroup() as tasks:
            for task in (kill(), *(write(f"{index:032x}") for index in range(4))):
                tasks.create_task(task)
    finally:  # The next test uses the server too.
        await asyncio.to_thread(postgres_hub.cluster.stop)
        await asyncio.to_thread(postgres_hub.cluster.start, SETTINGS)
    transport = postgres_hub.open()
    heads = await transport.heads()
    for machine, number in answered.items():
        assert 0 < number <= heads[machine] <= number + 1
        assert [one.number async for one in transport.pull(machine, 0)] == [*range(1, heads[machine] + 1)]


@pytest.mark.long  # because psycopg tries for 5 s to cancel the query
async def test_a_server_that_hangs_is_given_up(postgres_hub: PostgresHub, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = postgres_hub.open()
    await transport.push(batch())
    pid = backend(transport)
    monkeypatch.setattr(client, "CALL_SECONDS", 0.2)
    postgres_hub.cluster.signal(pid, signal.SIGSTOP)
    try:
        with pytest.raises(TransportError, match="did not respond") as hung:
            await transport.heads()
    finally:
        postgres_hub.cluster.signal(pid, signal.SIGCONT)
    assert hung.value.retry
    monkeypatch.undo()
    assert await transport.heads() == {MACHINE: 1}
