"""Requests that the tests of the transport send, and what they find."""

import json
from threading import Thread
from typing import Any

from tests.support.answers import wordless
from tests.support.wire import Wire

PING = b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}'
PONG = {"jsonrpc": "2.0", "result": "pong", "id": 1}
LIST = b'{"jsonrpc":"2.0","id":1,"method":"message.list"}'
MIB = 1 << 20


def ping(id: Any = 1, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "daemon.ping", "id": id, **members}


def pong(id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": "pong", "id": id}


def append(content: str, id: Any = 1, **params: Any) -> dict[str, Any]:
    """Return a request to append to the session `s`."""
    params = {"session_id": "s", "role": "user", "content": content, **params}
    return {"jsonrpc": "2.0", "method": "message.append", "params": params, "id": id}


def ask(wire: Wire, item: Any) -> Any:
    """Return the answer to a JSON value, errors without their words."""
    return wordless(wire.ask(json.dumps(item).encode()))


def send_meanwhile(wire: Wire, data: bytes) -> Thread:
    """Send in a thread, because a send blocks until the server reads."""
    thread = Thread(target=wire.send, args=(data,))
    thread.start()
    return thread


def appends(session: str, contents: list[str]) -> bytes:
    return b"".join(
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": id,
                "method": "message.append",
                "params": {"session_id": session, "role": "user", "content": content},
            }
        ).encode()
        + b"\n"
        for id, content in enumerate(contents)
    )


def contents(wire: Wire, session: str) -> list[str]:
    return [message["content"] for message in wire.call("message.list", session_id=session)["messages"]]
