"""Short forms for the tests of streams."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from segue.errors import Conflict
from tests.support.inprocess import Server
from tests.support.wire import Wire

LIMIT = 4096


def begin(wire: Wire, content: Any = "", role: str = "assistant", session: str = "s", **more: Any) -> int:
    found: int = wire.call("message.begin", session_id=session, role=role, content=content, **more)["message_id"]
    return found


def add(wire: Wire, id: int, *texts: str) -> None:
    """Send each text as a notification."""
    for text in texts:
        line = {"jsonrpc": "2.0", "method": "message.delta", "params": {"message_id": id, "text": text}}
        wire.send(json.dumps(line).encode() + b"\n")


def get(wire: Wire, id: int) -> Any:
    return wire.call("message.get", message_id=id)


def state(wire: Wire, id: int) -> tuple[str, str]:
    message = get(wire, id)
    return message["state"], message["content"]


def hits(wire: Wire, query: str) -> list[int]:
    return [hit["message_id"] for hit in wire.call("message.search", query=query)["hits"]]


def refused(wire: Wire, method: str, **params: Any) -> dict[str, Any]:
    with pytest.raises(Conflict) as caught:
        wire.call(method, **params)
    return caught.value.data


def pieces(server: Server) -> int:
    with closing(sqlite3.connect(server.database)) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM message_pieces")
        return int(count)
