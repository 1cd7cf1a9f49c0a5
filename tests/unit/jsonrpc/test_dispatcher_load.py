"""Calls of a batch that run concurrently, and long lines, which hold up no other request."""

import json
from typing import Any

import anyio
import msgspec
import pytest

from segue.config import Limits
from segue.jsonrpc.dispatcher import LONG_BYTES, MAX_DENSITY, YIELD_EVERY, Dispatcher
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
    ("filling", "much"),
    [
        (b"[],", "structures"),
        (b'{"a":1},', "structures"),
        (b"1,", "values"),
        (b'{"aaaaaaaaaaaaaaaaaaaaaaaa":1},', None),
        (b"12345,", None),
        (b'"]}]}]}]},,::,,::",', None),
    ],
)
async def test_line_with_too_many_values_is_too_large(filling: bytes, much: str | None) -> None:
    await check_refusal(filling * (5 * 2**20 // len(filling)), much)


@pytest.mark.parametrize(("different", "much"), [(MAX_DENSITY.names, "names"), (MAX_DENSITY.names - 10, None)])
async def test_line_with_too_many_different_names_is_too_large(different: int, much: str | None) -> None:
    """Count a name that differs in its escapes only as another one."""
    names = (b'\\"' * (number % 2) + b"%07d" % (number // 2) for number in range(different))
    await check_refusal(b"".join(b'{"%b" :1},{"again":1},' % name for name in names), much)


async def check_refusal(filling: bytes, much: str | None) -> None:
    """Check the response to a line of the filling; MUCH is what it has too much of."""
    line = long_line("echo", filling)
    given = json.loads(await Dispatcher(METHODS, Limits()).handle_line(line, None) or b"")
    if much is None:
        assert given["id"] == 1
    else:
        assert given["error"]["message"] == f"a line has too many {much}"
        assert given["error"]["data"] == {"kind": "too_large", "limit": getattr(MAX_DENSITY, much)}
