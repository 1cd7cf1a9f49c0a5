"""The examples of section 7 of the JSON-RPC 2.0 specification, as printed there, and the methods they call."""

from types import ModuleType
from typing import Any

from segue.jsonrpc.method import Table, method, method_table

PRINTED = r"""
rpc call with positional parameters:
--> {"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}
<-- {"jsonrpc": "2.0", "result": 19, "id": 1}
--> {"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}
<-- {"jsonrpc": "2.0", "result": -19, "id": 2}

rpc call with named parameters:
--> {"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}
<-- {"jsonrpc": "2.0", "result": 19, "id": 3}
--> {"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}
<-- {"jsonrpc": "2.0", "result": 19, "id": 4}

a Notification:
--> {"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}
--> {"jsonrpc": "2.0", "method": "foobar"}

rpc call of non-existent method:
--> {"jsonrpc": "2.0", "method": "foobar", "id": "1"}
<-- {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}

rpc call with invalid JSON:
--> {"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]
<-- {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}

rpc call with invalid Request object:
--> {"jsonrpc": "2.0", "method": 1, "params": "bar"}
<-- {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}

rpc call Batch, invalid JSON:
--> [
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]
<-- {"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}

rpc call with an empty Array:
--> []
<-- {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}

rpc call with an invalid Batch (but not empty):
--> [1]
<-- [
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]

rpc call with invalid Batch:
--> [1,2,3]
<-- [
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]

rpc call Batch:
--> [
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]
<-- [
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]

rpc call Batch (all notifications):
--> [
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]
"""


@method("subtract")
async def subtract(ctx: object, *, minuend: int, subtrahend: int) -> int:
    """Return the difference."""
    return minuend - subtrahend


@method("update")
async def update(ctx: object, *, a: int, b: int, c: int, d: int, e: int) -> None:
    """Return nothing."""


@method("sum")
async def sum_(ctx: object, *, a: int, b: int, c: int) -> int:
    """Return the sum."""
    return a + b + c


@method("notify_sum")
async def notify_sum(ctx: object, *, a: int, b: int, c: int) -> None:
    """Return nothing."""


@method("notify_hello")
async def notify_hello(ctx: object, *, number: int) -> None:
    """Return nothing."""


@method("get_data")
async def get_data(ctx: object) -> list[Any]:
    """Return the value that the specification prints."""
    return ["hello", 5]


def methods_of(**functions: Any) -> Table:
    """Return the table of methods of the specification's examples."""
    module = ModuleType("of_a_test")
    vars(module).update(functions)
    return method_table(module)


METHODS = methods_of(**{name: value for name, value in globals().items() if hasattr(value, "bind")})


def exchanges() -> list[tuple[str, str | None]]:
    """Return each line that is sent, with its response or None."""
    found: list[tuple[str, str | None]] = []
    for paragraph in PRINTED.strip().split("\n\n"):
        _, _, talk = paragraph.partition(":\n")
        for turn in talk.removeprefix("--> ").split("\n--> "):
            request, answered, answer = turn.partition("\n<-- ")
            found.append((request, answer if answered else None))
    return found
