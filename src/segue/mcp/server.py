"""Read MCP requests from standard input, run them in threads, and write the responses to standard output.

1. The main thread reads lines. It answers what needs no daemon itself, so that a slow search does not delay a ping.
2. A pool runs the other requests. A response is one line, written under a lock.
3. A cancelled request that waits is dropped. One that runs ends unseen: its response is not written.
4. At the end of the input the requests that run are answered, then the process ends.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from segue.errors import InvalidRequest, ParseError
from segue.jsonrpc.framing import LineDecoder, Unreadable
from segue.jsonrpc.messages import Id, parse_json, parse_request, usable_id
from segue.mcp import protocol, resources
from segue.mcp.errors import EXPECTED, explain
from segue.mcp.protocol import Call, ProtocolError
from segue.mcp.render import render
from segue.mcp.tool import Session
from segue.mcp.tools import TOOLS

MAX_LINE_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 64 * 1024

THREADS = 4
"""Count: requests that wait for the daemon concurrently."""

Result = dict[str, Any]

IMMEDIATE: dict[str, Callable[[Call], Result]] = {
    "initialize": lambda call: protocol.initialize(call.params),
    "server/discover": lambda call: protocol.discover(),
    "ping": lambda call: {},
    "tools/list": lambda call: {"tools": [tool.describe() for tool in TOOLS.values()]},
    "prompts/list": lambda call: resources.PROMPTS,
    "resources/templates/list": lambda call: resources.TEMPLATES,
}
"""Methods that need no daemon."""


def call_tool(session: Session, call: Call) -> Result:
    """Run a tool. Its errors are results, because only results reach the model.

    Raises:
        ProtocolError: There is no such tool.
    """
    name = call.params.get("name")
    tool = TOOLS.get(name) if isinstance(name, str) else None
    if tool is None:
        raise ProtocolError(protocol.INVALID_PARAMS, f"unknown tool {name!r}; the tools are {', '.join(TOOLS)}")
    try:
        result = tool.run(session, call.params.get("arguments"))
    except EXPECTED as error:
        return {"content": [{"type": "text", "text": explain(error)}], "isError": True}
    return {
        "content": [{"type": "text", "text": render(result)}],
        "structuredContent": msgspec.to_builtins(result),
        "isError": False,
    }


WITH_DAEMON: dict[str, Callable[[Session, Call], Result]] = {
    "tools/call": call_tool,
    "resources/list": lambda session, call: resources.list_resources(session),
    "resources/read": resources.read_resource,
    "prompts/get": resources.get_prompt,
}


class Server:
    """The requests of one client."""

    def __init__(self, session: Session, write: Callable[[bytes], None]) -> None:
        self._session = session
        self._write = write
        self._lock = threading.Lock()
        self._running: dict[Id, Call] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="mcp")

    def handle(self, line: bytes | Unreadable) -> None:
        """Answer a line, now or later."""
        try:
            if isinstance(line, Unreadable):
                raise ProtocolError(protocol.PARSE_ERROR, f"a message has more than {MAX_LINE_BYTES} bytes")
            item = parse_json(line)
        except ParseError as error:
            return self._respond_error(None, ProtocolError(protocol.PARSE_ERROR, error.message))
        except ProtocolError as error:
            return self._respond_error(None, error)
        if isinstance(item, dict) and "method" not in item and ("result" in item or "error" in item):
            return None  # A response. The server sends no requests.
        try:
            request = parse_request(item)
            if not request.expects_response:
                return self._notice(request.method, request.params)
            self._begin(protocol.read_call(request.id, request.method, request.params))
        except InvalidRequest as error:
            self._respond_error(usable_id(item), ProtocolError(protocol.INVALID_REQUEST, error.message))
        except ProtocolError as error:
            self._respond_error(usable_id(item), error)
        return None

    def finish(self) -> None:
        """Wait for the requests that run."""
        self._pool.shutdown()

    def abandon(self) -> None:
        """Drop the requests that wait, because nothing reads the responses."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, call: Call) -> None:
        if call.method in IMMEDIATE:
            self._respond(call, protocol.complete(call, IMMEDIATE[call.method](call)))
        elif call.method not in WITH_DAEMON:
            raise ProtocolError(protocol.METHOD_NOT_FOUND, f"no method {call.method!r}")
        else:
            with self._lock:
                if call.id in self._running:
                    raise ProtocolError(protocol.INVALID_REQUEST, f"request {call.id!r} is still running")
                self._running[call.id] = call
            self._pool.submit(self._run, call)

    def _notice(self, method: str, params: Any) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            id = params.get("requestId")
            if isinstance(id, str | int):
                with self._lock:
                    self._running.pop(id, None)

    def _run(self, call: Call) -> None:
        """Run a request in the pool, and write its response unless it was cancelled."""
        with self._lock:
            if self._running.get(call.id) is not call:
                return
        try:
            result = protocol.complete(call, WITH_DAEMON[call.method](self._session, call))
            line = _line(call.id, {"result": result})
        except ProtocolError as error:
            line = _line(call.id, {"error": error.to_wire()})
        except EXPECTED as error:
            line = _line(call.id, {"error": ProtocolError(protocol.INTERNAL, explain(error)).to_wire()})
        except Exception:  # noqa: BLE001 - a bug must not leave the client waiting
            traceback.print_exc()
            text = "internal error; the standard error of segue mcp has the details"
            line = _line(call.id, {"error": ProtocolError(protocol.INTERNAL, text).to_wire()})
        with self._lock:
            if self._running.get(call.id) is call:
                del self._running[call.id]
                self._write(line)

    def _respond(self, call: Call, result: Result) -> None:
        with self._lock:
            self._write(_line(call.id, {"result": result}))

    def _respond_error(self, id: Id, error: ProtocolError) -> None:
        with self._lock:
            self._write(_line(id, {"error": error.to_wire()}))


def serve(session: Session) -> None:
    """Serve until standard input ends. Standard output has only messages: other output goes to standard error."""
    output = os.dup(1)
    os.dup2(sys.stderr.fileno(), 1)
    server = Server(session, lambda line: _write_all(output, line))
    lines = LineDecoder(MAX_LINE_BYTES)
    try:
        while data := os.read(0, CHUNK_BYTES):
            for line in lines.feed(data):
                server.handle(line)
        for line in lines.finish():
            server.handle(line)
        server.finish()
    except BaseException:
        server.abandon()
        raise
    finally:
        session.daemon.close()
        os.close(output)


def _line(id: Id, body: dict[str, Any]) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": id, **body}) + b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
