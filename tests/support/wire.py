"""A client of nothing but the standard library, so that the tests do not trust ours."""

import json
import socket
from pathlib import Path
from typing import Any, Self

from segue.errors import from_wire
from tests.support.schema import check_answer

TIMEOUT_SECONDS = 20
"""No test waits longer for an answer."""


class Wire:
    """One connection; every answer to `call` is checked against the discovery document."""

    def __init__(self, path: Path, timeout: float = TIMEOUT_SECONDS) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
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
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def line(self) -> bytes | None:
        """The next line without its LF; None at the end of the stream, ConnectionAbortedError if that tears a line."""
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
        """The next line as JSON; EOFError at the end of the stream."""
        line = self.line()
        if line is None:
            raise EOFError
        return json.loads(line)

    def rest(self) -> list[Any]:
        """All that comes until the end of the stream."""
        found = []
        while (line := self.line()) is not None:
            found.append(json.loads(line))
        return found

    def ask(self, line: bytes) -> Any:
        """The answer to one line given as bytes."""
        self.send(line + b"\n")
        return self.answer()

    def post(self, method: str, /, **params: Any) -> int:
        """Send a request without waiting for its answer; returns its id."""
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        self.send(json.dumps(request).encode() + b"\n")
        return self._next_id

    def respond(self, method: str, /, params: Any) -> Any:
        """The whole, checked answer to a request with any params."""
        self._next_id += 1
        request = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        answer = self.ask(json.dumps(request).encode())
        assert answer["id"] == self._next_id
        check_answer(method, answer)
        return answer

    def call(self, method: str, /, **params: Any) -> Any:
        """The result; a wire error is raised as its class."""
        answer = self.respond(method, params)
        if "error" in answer:
            raise from_wire(answer["error"])
        return answer["result"]
