"""The contract of `Transport`, for every hub, with calls that are concurrent, cancelled or cut."""

import asyncio

import anyio
import pytest

from segue.sync.transports.transport import Pushed, TransportError
from tests.socket.sync.transports.conftest import Open, on_remote_hubs
from tests.socket.sync.transports.hubs import MACHINE, Hub, batch, pulled, push_all


async def test_of_concurrent_pushes_of_one_number_one_is_stored(open_hub: Open) -> None:
    sent = [batch(body=bytes([index])) for index in range(6)]
    transports = [open_hub() for _ in sent]
    answers = await asyncio.gather(*(one.push(part) for one, part in zip(transports, sent, strict=True)))
    assert sorted(answers, key=str) == [Pushed.STORED, *[Pushed.TAKEN] * 5]
    assert await transports[0].get(MACHINE, 1) == sent[answers.index(Pushed.STORED)]


async def test_concurrent_attempts_with_one_token_are_all_stored(open_hub: Open) -> None:
    sent = batch()
    answers = await asyncio.gather(*(open_hub().push(sent) for _ in range(6)))
    assert set(answers) == {Pushed.STORED}
    assert await pulled(open_hub()) == [sent]


async def test_machines_push_concurrently_without_a_conflict(open_hub: Open) -> None:
    machines = [f"{index:032x}" for index in range(4)]

    async def write(machine: str) -> None:
        transport = open_hub()
        await push_all(transport, *(batch(number, machine=machine) for number in (1, 2, 3)))

    await asyncio.gather(*map(write, machines))
    assert await open_hub().heads() == dict.fromkeys(machines, 3)


async def test_calls_of_one_transport_may_be_concurrent(open_hub: Open) -> None:
    transport = open_hub()
    await push_all(transport, batch())
    found = await asyncio.gather(*(transport.get(MACHINE, 1) for _ in range(5)), *(transport.heads() for _ in range(5)))
    assert None not in found


@on_remote_hubs  # because a folder has one writer for each machine
async def test_of_concurrent_replacements_one_succeeds(open_hub: Open) -> None:
    old, new = batch(), [batch(body=bytes([index])) for index in range(5)]
    await push_all(open_hub(), old)
    answers = await asyncio.gather(*(open_hub().replace(one, old.token) for one in new))
    assert sorted(answers) == [False] * 4 + [True]
    assert await pulled(open_hub()) == [new[answers.index(True)]]


async def test_a_push_that_is_cancelled_anywhere_can_be_repeated(open_hub: Open) -> None:
    transport = open_hub()
    for number in range(1, 25):
        sent = batch(number, bytes(100_000))
        task = asyncio.create_task(transport.push(sent))
        for _ in range(number):
            await asyncio.sleep(0)
        task.cancel()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
        assert outcome is Pushed.STORED or isinstance(outcome, asyncio.CancelledError)
        assert await transport.push(sent) is Pushed.STORED
    assert await transport.heads() == {MACHINE: 24}


async def test_a_call_in_a_cancelled_scope_leaves_the_transport_usable(open_hub: Open) -> None:
    transport = open_hub()
    for number in range(1, 9):
        sent = batch(number, bytes(100_000))
        with anyio.move_on_after(number / 4000):
            await transport.push(sent)
        assert await transport.push(sent) is Pushed.STORED
    with anyio.CancelScope() as scope:
        scope.cancel()
        await transport.wait(60)
    assert await transport.heads() == {MACHINE: 8}


@on_remote_hubs  # because a folder has one writer for each machine
async def test_erase_and_concurrent_pushes_leave_all_or_nothing(open_hub: Open, hub: Hub) -> None:
    transports = [open_hub() for _ in range(4)]
    for _ in range(3):
        machines = [f"{index:032x}" for index in range(3)]
        pushes = (one.push(batch(machine=machine)) for one, machine in zip(transports, machines, strict=False))
        await asyncio.gather(*pushes, transports[3].erase())
        heads = await transports[0].heads()
        for machine in machines:
            assert len(await pulled(transports[0], machine)) == heads.get(machine, 0)
        await transports[0].erase()
        assert hub.stored() == b""


@on_remote_hubs
async def test_a_lost_connection_is_an_error_to_retry_and_the_retry_succeeds(open_hub: Open, hub: Hub) -> None:
    transport, sent = open_hub(), batch(2)
    await push_all(transport, batch())
    assert hub.proxy is not None
    hub.proxy.cut()
    calls = (transport.push(sent), transport.heads(), pulled(transport), transport.get(MACHINE, 1), transport.now())
    for call in (*calls, transport.replace(batch(), sent.token), transport.erase()):
        with pytest.raises(TransportError) as lost:
            await call
        assert lost.value.retry, lost.value
    hub.proxy.mend()
    await push_all(transport, sent)
    assert await transport.heads() == {MACHINE: 2}


@on_remote_hubs
@pytest.mark.parametrize("direction", ["requests", "answers"])
async def test_a_push_that_is_cut_anywhere_can_be_repeated(open_hub: Open, hub: Hub, direction: str) -> None:
    assert hub.proxy is not None
    await push_all(open_hub(), batch())
    number, cut, uncut = 2, 0, False
    while not uncut:
        sent = batch(number, b"x" * 300)
        getattr(hub.proxy, direction).budget = cut
        [outcome] = await asyncio.gather(open_hub().push(sent), return_exceptions=True)
        uncut = outcome is Pushed.STORED
        assert uncut or (isinstance(outcome, TransportError) and outcome.retry), outcome
        hub.proxy.mend()
        assert await open_hub().push(sent) is Pushed.STORED
        number, cut = number + 1, cut + 400
    assert number > 4
    assert await open_hub().heads() == {MACHINE: number - 1}
