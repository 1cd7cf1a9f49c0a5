"""Request lines that the tests of the transport send."""

import json

from tests.support.wire import Wire

PING = b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}'
PONG = {"jsonrpc": "2.0", "result": "pong", "id": 1}
LIST = b'{"jsonrpc":"2.0","id":1,"method":"message.list"}'
MIB = 1 << 20


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
