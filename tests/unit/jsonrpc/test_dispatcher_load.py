"""Calls of a batch that run concurrently, and long lines, which hold up no other request."""

import json
from typing import Any

import anyio
import msgspec
import pytest

from segue.config import Limits
from segue.jsonrpc.dispatcher import LONG_BYTES, YIELD_EVERY, Dispatcher
from segue.jsonrpc.method import method
from tests.support.specification import methods_of
from tests.support.wire import TIMEOUT_SECONDS
from tests.unit.jsonrpc.calls import METHODS, answer, echo, request, result


def long_line(name: str, filling: bytes) -> bytes:
    head, tail = b'{"jsonrpc":"2.0","id":1,"method":"%b","params":{"value":[' % name.encode(), b"1]}}"
    return head + filling * (LONG_BYTES // len(filling) + 1) + tail


class Queue:
    """A method whose calls wait to be let go, and one whose calls do not."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.release = anyio.Event()

        @method("put", batchable=True)
        async def put(ctx: None, *, number: int) -> int:
            """Return the number when all are released."""
            self.begun.append(number)
            await self.release.wait()
            return number

        @method("look")
        async def look(ctx: None) -> list[int]:
            """Return the numbers that were put."""
            return list(self.begun)

        self.dispatcher = Dispatcher(methods_of(put=put, look=look), Limits())

    def putting(self, *numbers: int) -> list[dict[str, Any]]:
        return [request("put", id=number, number=number) for number in numbers]


async def test_batchable_calls_start_in_order_and_run_concurrently() -> None:
    queue = Queue()
    numbers = range(YIELD_EVERY + 3)
    asked = [*queue.putting(*numbers), 7, request("look"), *queue.putting(100)]
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            found: list[Any] = []

            async def ask() -> None:
                found.extend(await answer(queue.dispatcher, asked))

            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            assert queue.begun == list(range(YIELD_EVERY))
            queue.release.set()
    put = [result(number, number) for number in numbers]
    refused = {"jsonrpc": "2.0", "error": {"code": -32600}, "id": None}
    assert found == [*put, refused, result(list(numbers)), result(100, 100)]


async def test_long_line_waits_for_no_slow_request() -> None:
    release = anyio.Event()

    @method("wait")
    async def wait(ctx: None, *, value: Any = None) -> int:
        """Return 1 after the release."""
        await release.wait()
        return 1

    dispatcher = Dispatcher(methods_of(wait=wait, echo=echo), Limits())
    with anyio.fail_after(TIMEOUT_SECONDS):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(dispatcher.handle_line, long_line("wait", b"[],"), None)
            await anyio.wait_all_tasks_blocked()
            assert await dispatcher.handle_line(long_line("echo", b" "), None) == msgspec.json.encode(result([1]))
            release.set()


@pytest.mark.parametrize(
    ("filling", "code"),
    [
        (b"[],", -32004),
        (b'{"a":1},', -32004),
        (b"1,", -32004),
        (b'{"aaaaaaaaaaaaaaaaaaaaaaaa":1},', None),
        (b"12345,", None),
        (b'"]}]}]}]},,::,,::",', None),
    ],
)
async def test_line_with_too_many_values_is_too_large(filling: bytes, code: int | None) -> None:
    line = long_line("echo", filling * (5 * 2**20 // len(filling)))
    given = json.loads(await Dispatcher(METHODS, Limits()).handle_line(line, None) or b"")
    assert given.get("error", {}).get("code") == code
