"""The contract of `Transport`, for every hub, with one call after another."""

import asyncio
from pathlib import Path

import pytest

from segue.sync.transports.transport import Batch, Pushed, TransportError
from segue.sync.transports.validation import MAX_BODY_BYTES
from tests.socket.sync.transports.conftest import Open, on_remote_hubs
from tests.socket.sync.transports.hubs import MACHINE, OTHER, Hub, batch, pulled, push_all
from tests.support.wire import TIMEOUT_SECONDS

ANOTHER_ACCOUNT = bytes(range(16)).hex()


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


async def test_retire_leaves_only_the_last_batch(open_hub: Open, hub: Hub) -> None:
    transport, last = open_hub(), batch(body=b"last", machine="0" * 32)
    await push_all(transport, batch(body=b"deleted words"), batch(2), batch(machine=OTHER))
    for _ in range(2):
        await transport.retire(last)
        assert await open_hub().heads() == {last.machine: 1}
        assert await pulled(transport) == []
        assert (await transport.get(last.machine, 1)) is not None
        assert b"deleted words" not in hub.stored()
    assert await transport.push(batch(3)) is Pushed.GAP
    await push_all(transport, batch())
    assert await transport.heads() == {last.machine: 1, MACHINE: 1}


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


async def test_the_clock_of_the_hub_is_near_that_of_this_machine(open_hub: Open, tmp_path: Path) -> None:
    transport = open_hub()
    await push_all(transport, batch())
    now = await transport.now()
    (tmp_path / "now").touch()
    assert now is None or abs(now - (tmp_path / "now").stat().st_mtime * 1000) < 60_000


async def test_wait_ends_at_the_given_time(open_hub: Open) -> None:
    transport = open_hub()
    await push_all(transport, batch())
    async with asyncio.timeout(TIMEOUT_SECONDS):
        await transport.wait(0.01)
        await transport.wait(0)
