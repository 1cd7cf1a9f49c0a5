"""One client connection: reads lines, runs them, and sends the responses in the order of the requests.

- Back-pressure: while a client does not read its responses, its task waits in `send` and reads no further requests.
  Nothing accumulates, and no other client is affected.
- Drain: `stop_receiving` shuts down the receiving side in the kernel. What has arrived is still read and answered,
  then the stream ends as if the client had closed its sending side.
- Large responses: `ResponseBudget` bounds what all unread ones occupy together.
- Appends: most requests are appends. `_begin` queues one in the poller's call, and `_respond` sends the response in the
  call that ends the commit. No step of the task is needed. The task handles everything else.
- Events: a second task sends them. Both tasks send whole lines under one lock, so that no event is inside a response.
- Resources: what a request leaves behind for the life of the connection is registered with `own`. The registry closes
  all of it when the connection ends.
"""

import socket
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from segue.config import Limits
from segue.errors import Overloaded, ParseError, TooLarge
from segue.events import Filter
from segue.jsonrpc.dispatcher import YIELD_EVERY, Dispatcher, to_error
from segue.jsonrpc.framing import TOO_LONG, Unreadable
from segue.results import Subscribed
from segue.server.events.subscriptions import Subscriptions
from segue.server.net.line_reader import LONG_LINE_BYTES, STALLED_SECONDS, LineReader, Stalled
from segue.server.net.response_budget import LARGE_BYTES, ResponseBudget, count_repeatable, needs_page_slot
from segue.server.net.socket_stream import SocketStream

CHUNK_BYTES = 65536
"""Bytes: the most that one read returns, and the responses that are collected before they are sent."""


class Connection:
    """A client's socket, the state of its stream, and the resources it owns."""

    def __init__(
        self,
        raw: socket.socket,
        dispatcher: Dispatcher,
        limits: Limits,
        subscriptions: Subscriptions,
        slots: anyio.Semaphore,
        budget: ResponseBudget,
        monotonic: Callable[[], float],
    ) -> None:
        self._raw = raw
        self._stream = SocketStream(raw, CHUNK_BYTES, monotonic, self._begin, self._send)
        self._ctx: Any = None
        self._dispatcher = dispatcher
        self._limits = limits
        self._reader = LineReader(self._stream, limits.request_bytes, slots)
        self._budget = budget
        self._receiving_stopped = False
        self._subscriptions = subscriptions
        self._send_lock = anyio.Lock(fast_acquire=True)
        self._tasks: TaskGroup | None = None
        self._resources: dict[Hashable, Callable[[], Awaitable[None]]] = {}
        self.event_task_running = False
        self.write_closed = False
        """True after a failed write. Requests already received are still executed; responses are dropped."""

    @property
    def subscriptions(self) -> int:
        """Return the number of subscriptions."""
        return len(self._subscriptions)

    def subscribe(self, wanted: Filter, cursor: str | None) -> Subscribed:
        """Add a subscription whose events follow once the response to this request is sent."""
        subscribed = self._subscriptions.subscribe(wanted, cursor)
        if self._tasks is not None and not self.event_task_running:
            self.event_task_running = True
            self._tasks.start_soon(self._send_events)
        return subscribed

    def unsubscribe(self, subscription_id: str) -> bool:
        """Remove a subscription; return False if there is none with this ID."""
        return self._subscriptions.unsubscribe(subscription_id)

    def own(self, resource: Hashable, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close` when the connection ends, unless `disown` is called before."""
        self._resources[resource] = close

    def disown(self, resource: Hashable) -> None:
        """Forget a resource, because the client released it."""
        self._resources.pop(resource, None)

    def stop_receiving(self) -> None:
        """Answer what has arrived and then end the stream."""
        self._receiving_stopped = True
        with suppress(OSError):  # The client is gone already.
            self._raw.shutdown(socket.SHUT_RD)

    async def serve(self, ctx: Any) -> None:
        """Answer requests until the client ends the stream or is gone; then close the socket and the resources."""
        self._ctx = ctx
        try:
            async with self._stream, anyio.create_task_group() as self._tasks:
                try:
                    await self._answer_all(ctx)
                    self._subscriptions.stop_at_end()
                except anyio.BrokenResourceError:
                    # The client is gone: what it asked for is done, and no response can reach it.
                    self._tasks.cancel_scope.cancel()
                except Stalled:
                    await self._report_stall()
                    self._tasks.cancel_scope.cancel()
        finally:
            self._subscriptions.close()
            self._reader.release_slot()
            self._budget.release(self)
            await self._close_resources()

    async def _close_resources(self) -> None:
        while self._resources:
            _, close = self._resources.popitem()
            try:
                await close()
            except Exception as error:  # noqa: BLE001 - The other resources must be closed all the same.
                to_error(error, "closing a connection")

    async def _answer_all(self, ctx: Any) -> None:
        while (lines := await self._reader.read()) is not None:
            await self._answer_each(lines, ctx)
        if not self._receiving_stopped:  # `stop_receiving` may have cut the last line in two.
            await self._answer_each(self._reader.finish(), ctx)

    def _begin(self, data: bytes) -> bool:
        """Begin the request in `data` if it is one that only queues a write, and return True.

        `_respond` sends the response. Meanwhile the connection's task sleeps, and nothing is read.
        """
        if self.event_task_running or self.write_closed or not self._reader.is_one_line(data):
            return False
        return self._dispatcher.begin(data, self._ctx, self._respond)

    def _respond(self, response: bytes) -> None:
        self._stream.respond(response + b"\n")

    async def _answer_each(self, lines: list[bytes | Unreadable], ctx: Any) -> None:
        responses = bytearray()
        for index, line in enumerate(lines):
            if index % YIELD_EVERY == YIELD_EVERY - 1:
                await checkpoint()
            response = self._unreadable(line) if isinstance(line, Unreadable) else await self._run(line, ctx)
            self._reader.release_slot()  # Only the first line of a chunk can be long.
            if response is not None and len(response) > CHUNK_BYTES:
                # Not collected, because a copy would double the memory of a large response.
                await self._send(bytes(responses), response, b"\n")
                self._budget.release(self)
                responses.clear()
            elif response is not None:
                responses += response
                responses += b"\n"
                if len(responses) >= CHUNK_BYTES:
                    await self._send(bytes(responses))
                    responses.clear()
        if responses:
            await self._send(bytes(responses))
        self._subscriptions.activate_pending()

    async def _run(self, line: bytes, ctx: Any) -> bytes | None:
        """Execute a line and return its response, with a reservation if it is large."""
        if needs_page_slot(line):
            async with self._budget.page_slots:
                response = await self._answer_unless_gone(line, ctx)
        else:
            response = await self._dispatcher.handle_line(line, ctx)
        while response is not None and len(response) > LARGE_BYTES and not self.write_closed:
            size = len(response)
            if self._budget.try_reserve(self, size):
                break
            repeatable = count_repeatable(line)
            if not repeatable:
                self._budget.reserve_over_budget(self, size)
                break
            response = None  # Freed before the wait.
            await self._budget.reserve(self, size)
            self._dispatcher.requests -= repeatable
            response = await self._answer_unless_gone(line, ctx)
        return response

    async def _answer_unless_gone(self, line: bytes, ctx: Any) -> bytes | None:
        """Execute a line; skip requests that only read if the client has closed the connection meanwhile."""
        if self._stream.is_closed_by_peer() and count_repeatable(line):
            return None
        return await self._dispatcher.handle_line(line, ctx)

    def unread_since(self) -> float:
        """Return the monotonic time at which the client last read a part of a response."""
        return self._stream.progressed_at

    def abort(self) -> None:
        """Close the connection, because the client does not read."""
        with suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)

    async def _send(self, *parts: bytes) -> None:
        if self.write_closed:
            return
        try:
            if not self.event_task_running:  # No other task sends, and the lock would cost 5 µs per request.
                await self._send_parts(parts)
                return
            async with self._send_lock:
                await self._send_parts(parts)
        except anyio.BrokenResourceError:
            self.write_closed = True
            self.stop_receiving()

    async def _send_parts(self, parts: tuple[bytes, ...]) -> None:
        for part in parts:
            if encoded := self._reader.encode(part):
                await self._stream.send(encoded)

    async def _send_events(self) -> None:
        """Send events until the subscriptions stop; while the client does not read, their positions fall behind."""
        # A failed write ends this task only, because the task that answers requests detects it too.
        with suppress(anyio.BrokenResourceError):
            while True:
                async with self._send_lock:
                    # Under the lock, because no event may follow the response to `events.unsubscribe`.
                    lines, more = self._subscriptions.next_batch(CHUNK_BYTES)
                    if lines:
                        await self._stream.send(self._reader.encode(lines))
                if more:
                    await checkpoint()
                elif not await self._subscriptions.wait():
                    return

    async def _report_stall(self) -> None:
        """Send an error for the line that stalled, unless the client does not read either."""
        self._reader.release_slot()
        error = Overloaded(f"a line of more than {LONG_LINE_BYTES} bytes stalled for {STALLED_SECONDS:.0f} s")
        with anyio.move_on_after(1):
            await self._send(self._dispatcher.error_response(error) + b"\n")

    def _unreadable(self, reason: Unreadable) -> bytes:
        if reason is not TOO_LONG:
            return self._dispatcher.error_response(ParseError("a header has no valid Content-Length"))
        limit = self._limits.request_bytes
        return self._dispatcher.error_response(TooLarge(f"a line has more than {limit} bytes", limit=limit))
