"""The budget of unsent large responses, with a manual clock."""

import anyio
import pytest

from segue.api import METHODS
from segue.server.net import response_budget
from segue.server.net.response_budget import REPEATABLE, UNREAD_SECONDS, ResponseBudget, count_repeatable
from tests.support.clock import HandClock
from tests.support.wire import TIMEOUT_SECONDS

pytestmark = pytest.mark.anyio


class Client:
    """A connection whose client reads only when the test says so."""

    def __init__(self) -> None:
        self.read_at = 0.0
        self.aborted = False

    def unread_since(self) -> float:
        return self.read_at

    def abort(self) -> None:
        self.aborted = True


async def test_reservations_wait_in_order_until_they_fit() -> None:
    budget = ResponseBudget(100, HandClock().monotonic)
    first, second, third = Client(), Client(), Client()
    granted: list[Client] = []

    async def reserve(client: Client, size: int) -> None:
        await budget.reserve(client, size)
        granted.append(client)

    assert budget.try_reserve(first, 60)
    assert not budget.try_reserve(second, 60)
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reserve, second, 60)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(reserve, third, 50)
            await anyio.wait_all_tasks_blocked()
            assert granted == []
            budget.release(first)
            await anyio.wait_all_tasks_blocked()
            assert granted == [second]
            budget.release(second)
    assert granted == [second, third]


async def test_a_response_larger_than_the_budget_is_granted_alone() -> None:
    budget = ResponseBudget(100, HandClock().monotonic)
    assert budget.try_reserve(Client(), 1000)
    assert not budget.try_reserve(Client(), 1)


async def test_a_client_that_does_not_read_is_closed_while_another_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response_budget, "CHECK_SECONDS", 0.01)
    clock = HandClock()
    budget = ResponseBudget(100, clock.monotonic)
    unread, waiting = Client(), Client()
    assert budget.try_reserve(unread, 100)
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(budget.reserve, waiting, 10)
            await anyio.sleep(0.05)
            assert not unread.aborted
            clock.pass_time(round(UNREAD_SECONDS * 1000) + 1)
            while not unread.aborted:
                await anyio.sleep(0.01)
            budget.release(unread)
    assert not waiting.aborted


async def test_a_canceled_wait_reserves_nothing() -> None:
    budget = ResponseBudget(100, HandClock().monotonic)
    holder, canceled = Client(), Client()
    assert budget.try_reserve(holder, 100)
    with anyio.move_on_after(0.01):
        await budget.reserve(canceled, 10)
    budget.release(holder)
    assert budget.try_reserve(Client(), 100)


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"message.list"}', 1),
        (b'[{"id":1,"method":"message.list"},{"method":"session.list"}]', 2),
        (b'[{"id":1,"method":"message.list"},{"method":"message.append"}]', 0),
        (b'{"method":"session.create"}', 0),
        (b'{"method":1}', 0),
        (b"[]", 0),
        (b"\xff", 0),
    ],
)
def test_only_reads_are_repeatable(line: bytes, count: int) -> None:
    assert count_repeatable(line) == count


def test_every_repeatable_method_exists() -> None:
    assert set(METHODS) >= REPEATABLE
