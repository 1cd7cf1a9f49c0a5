"""The contract of `Transport`, for every hub."""

import asyncio
from pathlib import Path

import anyio
import pytest

from segue.sync.transports.transport import Batch, Pushed, Transport, TransportError
from segue.sync.transports.validation import MAX_BODY_BYTES
from tests.socket.sync.transports.conftest import Open, on_remote_hubs
from tests.socket.sync.transports.hubs import MACHINE, OTHER, Hub, batch

ANOTHER_ACCOUNT = bytes(range(16)).hex()


async def pulled(transport: Transport, machine: str = MACHINE, after: int = 0) -> list[Batch]:
    return [one async for one in transport.pull(machine, after)]


async def push_all(transport: Transport, *batches: Batch) -> None:
    for one in batches:
        assert await transport.push(one) is Pushed.STORED


async def test_a_pushed_batch_is_what_another_machine_pulls_and_gets(open_hub: Open) -> None:
    sent = batch(body=bytes(range(256)))
    await push_all(open_hub(), sent)
    other = open_hub()
    assert await other.heads() == {MACHINE: 1}
    assert await pulled(other) == [sent]
    assert await other.get(MACHINE, 1) == sent


async def test_a_hub_without_the_account_is_empty(open_hub: Open) -> None:
    transport = open_hub()
    assert await transport.heads() == {}
    assert await pulled(transport) == []
    assert await transport.get(MACHINE, 1) is None
    assert await transport.replace(batch(), b"t" * 16) is False
    await transport.erase()


async def test_a_second_attempt_with_the_same_token_is_stored_once(open_hub: Open) -> None:
    transport, sent = open_hub(), batch()
    await push_all(transport, sent, sent)
    await push_all(transport, batch(2), sent)
    assert (await pulled(transport))[0] == sent
    assert await transport.heads() == {MACHINE: 2}


async def test_another_batch_with_the_number_is_taken_and_changes_nothing(open_hub: Open) -> None:
    transport, sent = open_hub(), batch(body=b"first")
    await push_all(transport, sent)
    assert await open_hub().push(batch(body=b"second")) is Pushed.TAKEN
    assert await transport.get(MACHINE, 1) == sent


@pytest.mark.parametrize("number", [2, 3, 2**63 - 1])
async def test_a_batch_after_a_missing_one_is_a_gap_and_not_stored(open_hub: Open, number: int) -> None:
    transport = open_hub()
    assert await transport.push(batch(number)) is Pushed.GAP
    assert await transport.get(MACHINE, number) is None
    await push_all(transport, batch())
    assert await transport.push(batch(3)) is Pushed.GAP
    assert await transport.heads() == {MACHINE: 1}


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


async def test_pull_begins_after_the_number_and_keeps_the_order(open_hub: Open) -> None:
    transport = open_hub()
    sent = [batch(number, bytes([number])) for number in range(1, 13)]
    await push_all(transport, *sent, batch(machine=OTHER))
    assert await pulled(transport) == sent
    assert await pulled(transport, after=9) == sent[9:]
    assert await pulled(transport, after=12) == []
    assert await pulled(transport, after=99) == []


async def test_pull_passes_batches_of_more_than_a_page(open_hub: Open) -> None:
    transport = open_hub()
    sent = [batch(number, bytes([number]) * 700_000) for number in range(1, 5)]
    await push_all(transport, *sent)
    assert await pulled(transport) == sent


async def test_a_pull_may_be_left_early(open_hub: Open) -> None:
    transport = open_hub()
    await push_all(transport, batch(1), batch(2))
    async for first in transport.pull(MACHINE, 0):
        assert first.number == 1
        break
    assert await transport.heads() == {MACHINE: 2}


async def test_replace_leaves_nothing_of_the_old_body(open_hub: Open, hub: Hub) -> None:
    transport, old = open_hub(), batch(1, b"deleted words")
    await push_all(transport, old, batch(2))
    assert b"deleted words" in hub.stored()
    new = batch(1, b"rewritten")
    assert await open_hub().replace(new, old.token) is True
    assert await transport.get(MACHINE, 1) == new
    assert [one.body for one in await pulled(transport)] == [b"rewritten", b"sealed"]
    assert await transport.heads() == {MACHINE: 2}
    assert b"deleted words" not in hub.stored()


async def test_replace_with_another_old_token_changes_nothing(open_hub: Open) -> None:
    transport, kept = open_hub(), batch()
    await push_all(transport, kept)
    assert await transport.replace(batch(), b"t" * 16) is False
    assert await transport.replace(batch(2), kept.token) is False
    assert await pulled(transport) == [kept]


async def test_a_second_attempt_to_replace_succeeds_too(open_hub: Open) -> None:
    transport, old, new = open_hub(), batch(), batch(body=b"new")
    await push_all(transport, old)
    assert [await transport.replace(new, old.token) for _ in range(2)] == [True, True]
    assert await pulled(transport) == [new]


@on_remote_hubs  # because a folder has one writer for each machine
async def test_of_concurrent_replacements_one_succeeds(open_hub: Open) -> None:
    old, new = batch(), [batch(body=bytes([index])) for index in range(5)]
    await push_all(open_hub(), old)
    answers = await asyncio.gather(*(open_hub().replace(one, old.token) for one in new))
    assert sorted(answers) == [False] * 4 + [True]
    assert await pulled(open_hub()) == [new[answers.index(True)]]


async def test_an_earlier_token_is_taken_after_a_replacement(open_hub: Open) -> None:
    transport, old = open_hub(), batch()
    await push_all(transport, old)
    assert await transport.replace(batch(body=b"new"), old.token)
    assert await transport.push(old) is Pushed.TAKEN


async def test_accounts_do_not_see_each_other(open_hub: Open) -> None:
    mine, theirs = open_hub(), open_hub(ANOTHER_ACCOUNT)
    sent = batch(1, b"mine")
    await push_all(mine, sent, batch(2))
    assert await theirs.heads() == {}
    assert await pulled(theirs) == []
    assert await theirs.get(MACHINE, 1) is None
    assert await theirs.replace(batch(1, b"theirs"), sent.token) is False
    assert await theirs.push(batch(3)) is Pushed.GAP
    await push_all(theirs, batch(1, b"theirs"))
    await theirs.erase()
    assert await theirs.heads() == {}
    assert (await pulled(mine))[0] == sent


@on_remote_hubs
async def test_another_secret_is_refused_by_every_verb(open_hub: Open) -> None:
    await push_all(open_hub(), kept := batch())
    thief = open_hub(secret=b"?" * 32)
    for call in (
        thief.push(batch(2)),
        thief.heads(),
        pulled(thief),
        thief.get(MACHINE, 1),
        thief.replace(batch(), kept.token),
        thief.erase(),
    ):
        with pytest.raises(TransportError, match="another secret") as refused:
            await call
        assert not refused.value.retry
    assert await pulled(open_hub()) == [kept]


async def test_erase_deletes_the_account_and_it_can_begin_again(open_hub: Open, hub: Hub) -> None:
    transport = open_hub()
    await push_all(transport, batch(), batch(machine=OTHER), batch(2))
    await transport.erase()
    assert hub.stored() == b""
    assert await transport.heads() == {}
    assert await transport.push(batch(3)) is Pushed.GAP
    await push_all(transport, batch(body=b"anew"))
    assert [one.body for one in await pulled(open_hub())] == [b"anew"]


async def test_the_largest_body_is_stored_and_a_larger_one_refused(open_hub: Open) -> None:
    transport, largest = open_hub(), batch(body=bytes(MAX_BODY_BYTES))
    await push_all(transport, largest)
    assert await transport.get(MACHINE, 1) == largest
    with pytest.raises(TransportError, match="16777217 bytes") as refused:
        await transport.push(batch(2, bytes(MAX_BODY_BYTES + 1)))
    assert not refused.value.retry
    assert await transport.heads() == {MACHINE: 1}


@pytest.mark.parametrize(
    "wrong",
    [
        batch(0),
        batch(-1),
        batch(2**63),
        batch(body=b""),
        batch(machine="../../../etc"),
        batch(machine=MACHINE.upper()),
        batch(machine="a" * 31),
        Batch(MACHINE, 1, b"short", b"body"),
    ],
)
async def test_a_malformed_batch_is_refused(open_hub: Open, wrong: Batch) -> None:
    transport = open_hub()
    for call in (transport.push, lambda one: transport.replace(one, b"t" * 16)):
        with pytest.raises(TransportError) as refused:
            await call(wrong)
        assert not refused.value.retry
    assert await transport.heads() == {}


async def test_the_clock_of_the_hub_is_near_ours(open_hub: Open, tmp_path: Path) -> None:
    transport = open_hub()
    await push_all(transport, batch())
    now = await transport.now()
    (tmp_path / "now").touch()
    assert now is None or abs(now - (tmp_path / "now").stat().st_mtime * 1000) < 60_000


async def test_wait_ends_at_the_given_time(open_hub: Open) -> None:
    transport = open_hub()
    await push_all(transport, batch())
    async with asyncio.timeout(10):
        await transport.wait(0.01)
        await transport.wait(0)


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
