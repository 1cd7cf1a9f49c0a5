"""A client of the standard library only, so that the tests do not depend on `segue.client`."""

import json
import socket
from collections import deque
from pathlib import Path
from typing import Any, Self

from segue.errors import from_wire
from tests.support.leak_check import Said
from tests.support.schema import check_answer, check_event

TIMEOUT_SECONDS = 120
"""Seconds: the longest wait for anything. A busy machine may stall for 20 s; a wait that succeeds ends at once."""


class Wire:
    """A connection that checks each response of `call` and each event against the discovery document."""

    def __init__(self, path: Path, timeout: float = TIMEOUT_SECONDS) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.events: deque[Any] = deque()
        """Params of events that arrived before a response."""
        self.said = Said()
        """The texts that this client sent, for the check at the end of the test."""
        self._buffer = bytearray()
        self._next_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def half_close(self) -> None:
        """Close the sending side."""
        self.socket.shutdown(socket.SHUT_WR)

    def line(self) -> bytes | None:
        """Return the next line without its LF, or None at the end of the stream.

        Raises:
            ConnectionAbortedError: the stream ends inside a line.
        """
        while (end := self._buffer.find(b"\n")) < 0:
            data = self.socket.recv(1 << 20)
            if not data and self._buffer:
                raise ConnectionAbortedError("the stream ended inside a line")
            if not data:
                return None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def answer(self) -> Any:
        """Return the next line that is not an event, as JSON. Raise EOFError at the end of the stream."""
        while (found := self._parsed()) is None or _is_event(found):
            if found is None:
                raise EOFError
            self._keep(found)
        if isinstance(found, dict) and "error" in found:
            self.said.note_error(found["error"])
        return found

    def event(self) -> Any:
        """Return the params of the next event. Fail if a response comes first."""
        if not self.events:
            found = self._parsed()
            assert found is not None, "the stream ended"
            assert _is_event(found), f"an answer, not an event: {found}"
            self._keep(found)
        return self.events.popleft()

    def last_events(self) -> list[Any]:
        """Return the params of all events until the end of the stream."""
        while (found := self._parsed()) is not None:
            assert _is_event(found), f"an answer, not an event: {found}"
            self._keep(found)
        return list(self.events)

    def rest(self) -> list[Any]:
        """Return all lines until the end of the stream, as JSON."""
        found = []
        while (line := self.line()) is not None:
            found.append(json.loads(line))
        return found

    def ask(self, line: bytes) -> Any:
        """Send one line of bytes and return its response."""
        self.send(line + b"\n")
        return self.answer()

    def post(self, method: str, /, **params: Any) -> int:
        """Send a request, do not wait, and return its ID."""
        self._next_id += 1
        self.said.note(params)
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        self.send(json.dumps(request).encode() + b"\n")
        return self._next_id

    def respond(self, method: str, /, params: Any) -> Any:
        """Send a request, check its response, and return it."""
        self._next_id += 1
        self.said.note(params)
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        answer = self.ask(json.dumps(request).encode())
        assert answer["id"] == self._next_id
        check_answer(method, answer)
        return answer

    def call(self, method: str, /, **params: Any) -> Any:
        """Return the result, or raise the error as its class."""
        answer = self.respond(method, params)
        if "error" in answer:
            raise from_wire(answer["error"])
        return answer["result"]

    def _parsed(self) -> Any:
        line = self.line()
        return None if line is None else json.loads(line)

    def _keep(self, notification: Any) -> None:
        check_event(notification)
        self.events.append(notification["params"])


def _is_event(line: Any) -> bool:
    return isinstance(line, dict) and "method" in line
