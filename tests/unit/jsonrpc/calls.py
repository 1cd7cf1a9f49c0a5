"""Methods that the tests of the dispatcher call, with their requests and answers."""

import json
from typing import Any

import msgspec

from segue.errors import NotFound, StorageError
from segue.jsonrpc.dispatcher import Dispatcher
from segue.jsonrpc.method import method
from tests.support.answers import wordless
from tests.support.specification import methods_of

CANARY = "xyzzy-canary"


@method("echo")
async def echo(ctx: Any, *, value: Any = None) -> Any:
    """Return the value."""
    return value


@method("note")
async def note(ctx: list[Any], *, value: Any = None) -> int:
    """Return how many values are noted in the context."""
    ctx.append(value)
    return len(ctx)


@method("boom")
async def boom(ctx: Any) -> None:
    """Fail by a bug."""
    raise RuntimeError(CANARY)


@method("refuse", raises=(NotFound,))
async def refuse(ctx: Any) -> None:
    """Refuse, because there is no such thing."""
    raise NotFound("thing", 7)


@method("refuse_badly")
async def refuse_badly(ctx: Any) -> None:
    """Refuse, with data of the error that is no JSON."""
    raise StorageError("full", reason=f"{CANARY}\udcff")


@method("unserialisable")
async def unserialisable(ctx: Any, *, which: str) -> Any:
    """Return what is no JSON."""
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    values = {"object": Thing(), "surrogate": f"{CANARY}\udcff", "deep": deep, "long": 10**5000, "key": {1j: 1}}
    return values[which]


class Thing:
    def __repr__(self) -> str:
        return CANARY


METHODS = methods_of(
    echo=echo, note=note, boom=boom, refuse=refuse, refuse_badly=refuse_badly, unserialisable=unserialisable
)


def request(method: str, id: Any = 1, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params, "id": id}


def result(value: Any, id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": value, "id": id}


async def answer(dispatcher: Dispatcher, item: Any, ctx: Any = None) -> Any:
    """Return the answer to a JSON value, errors without their words; None if there is none."""
    line = await dispatcher.handle_line(msgspec.json.encode(item), ctx)
    assert line is None or b"\n" not in line
    return None if line is None else wordless(json.loads(line))
