"""Dispatch one line of JSON-RPC to the methods, and build the line of the response.

1. Parse the line. A long line is parsed alone, after a check that parsing it takes no memory and time to speak of.
2. Check each request of a batch by itself, so that a wrong one gives one error of its own.
3. Run the requests one after another, in the order sent. Consecutive calls of batchable methods start in this order
   and run concurrently, so that the write queue commits them together.
4. Collect the responses in the order of the requests. When they outgrow `limits.answer_bytes`, run no more.
5. Turn every exception into a wire error here; an unexpected one is logged with its incident id.

jsonrpcserver 5.0.9 only runs single methods, because its own batch gives one error for a whole batch and uses
`asyncio.gather`, its validator can block the event loop for seconds, and its lookup inspects a signature per call.
No exception reaches it, because it would put the text of the exception on the wire.
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from types import CoroutineType
from typing import Any, cast

from anyio import Lock, create_task_group, to_thread
from anyio.lowlevel import checkpoint

from segue.config import Limits
from segue.errors import Internal, InvalidRequest, MethodNotFound, ParseError, SegueError, ShuttingDown, TooLarge
from segue.jsonrpc import messages
from segue.jsonrpc._jsonrpcserver import Error, Left, MethodCall, Success, run_method
from segue.jsonrpc.method import Method, Queued, Table, nearest

log = logging.getLogger("segue.jsonrpc")

LONG_BYTES = 2**20
"""Bytes: a longer line is parsed alone, because parsing it takes many milliseconds."""

MAX_DENSITY = messages.Density(structures=500_000, values=1_000_000, names=100_000)
"""The most in one long line: more make it too large. Parsing that number blocks the event loop for 60 ms."""

YIELD_EVERY = 50
"""Requests of one batch: after this number, about 1 ms, other clients get a turn."""


class Dispatcher:
    """A table of methods that answers lines, with counters of requests and errors."""

    def __init__(self, methods: Table, limits: Limits, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._methods = {name: _adapt(method) for name, method in methods.items()}
        self._batchable = {name for name, method in methods.items() if method.batchable}
        self._queueing = {name: method for name, method in methods.items() if method.queues}
        self._limits = limits
        self._parsing_long = Lock()
        self.requests = 0
        self.errors: Counter[str] = Counter()
        """Error responses, by kind."""
        self._monotonic = monotonic
        self.last_used = monotonic()
        self.closing = False
        """True after the time for draining: requests then get an error and do not run."""

    async def handle_line(self, line: bytes, ctx: Any) -> bytes | None:
        """Return the response to one line, without an LF, or None if the line has notifications only."""
        self.last_used = self._monotonic()
        try:
            item = messages.parse_json(line) if len(line) <= LONG_BYTES else await self._parse_long(line)
        except SegueError as error:
            return self.error_response(error)
        if not isinstance(item, list):
            return await self._handle(item, ctx)
        if not item:
            return self.error_response(InvalidRequest("a batch must not be empty"))
        if len(item) > self._limits.batch:
            text = f"a batch has {len(item)} requests, and the limit is {self._limits.batch}; split it"
            return self.error_response(TooLarge(text, limit=self._limits.batch))
        return await self._handle_batch(item, ctx)

    def begin(self, line: bytes, ctx: Any, respond: Callable[[bytes], None]) -> bool:
        """Begin the one plain request of a line, if its method only queues a write: RESPOND gets the response later.

        Return False, with nothing done, for every other line and for a request that has an error. `handle_line` is for
        those.
        """
        request = messages.parse_plain(line)
        if request is None or self.closing or (method := self._queueing.get(request.method)) is None:
            return False
        if (params := method.bind_bytes(request.params)) is None:
            return False
        try:
            queued = method.handler(ctx, **params)
        except Exception:  # noqa: BLE001 - `handle_line` raises it again and reports it.
            return False
        if isinstance(queued, CoroutineType):
            queued.close()  # It has not begun.
            return False
        self.requests += 1
        self.last_used = self._monotonic()
        cast(Queued, queued).then(partial(self._respond, request, respond))
        return True

    def _respond(
        self, request: messages.PlainRequest, respond: Callable[[bytes], None], value: Any, error: Exception | None
    ) -> None:
        try:
            if error is None:
                response = messages.success_response(request.id, value)
            else:
                response = self._failure(request, to_error(error, request.method))
        except Exception as exception:  # noqa: BLE001 - A result that is not JSON is a bug, and reported as one.
            response = self._failure(request, to_error(exception, request.method))
        try:
            respond(response)
        except Exception as exception:  # noqa: BLE001 - The other writes of the commit must get their responses.
            to_error(exception, request.method)

    def error_response(self, error: SegueError, id: messages.Id = None) -> bytes:
        """Return the response to a request that cannot run, and count it."""
        self.requests += 1
        self.errors[error.kind] += 1
        return messages.error_response(id, error)

    async def _parse_long(self, line: bytes) -> Any:
        async with self._parsing_long:
            await checkpoint()
            if messages.density(line).excess(MAX_DENSITY):  # It may be text, which is parsed fast.
                for counted in messages.count_values(line):
                    if much := counted.excess(MAX_DENSITY):
                        raise TooLarge(f"a line has too many {much}", limit=getattr(MAX_DENSITY, much))
                    await checkpoint()
            try:
                item = messages.decode_json(line)
            except ParseError:  # On a thread, because the line may have millions of surrogates.
                item = messages.decode_json(await to_thread.run_sync(messages.replace_lone_surrogates, line))
            await checkpoint()  # The request takes time too.
            return item

    async def _handle_batch(self, items: list[Any], ctx: Any) -> bytes | None:
        responses: list[bytes] = []
        size = 0
        for number, group in enumerate(self._groups(items)):
            if number % YIELD_EVERY == 0 or len(group) > 1:
                await checkpoint()
            for response in await self._handle_batchable(group, ctx, may_respond=size <= self._limits.answer_bytes):
                if response is not None:
                    responses.append(response)
                    size += len(response)
        return b"[" + b",".join(responses) + b"]" if responses else None

    def _groups(self, items: list[Any]) -> Iterator[list[Any]]:
        """Yield runs of at most YIELD_EVERY consecutive batchable calls, and every other request by itself."""
        for batchable, several in groupby(items, self._is_batchable):
            run = list(several)
            step = YIELD_EVERY if batchable else 1
            yield from (run[start : start + step] for start in range(0, len(run), step))

    def _is_batchable(self, item: Any) -> bool:
        name = item.get("method") if isinstance(item, dict) else None
        return isinstance(name, str) and name in self._batchable

    async def _handle_batchable(self, group: list[Any], ctx: Any, *, may_respond: bool) -> list[bytes | None]:
        """Start the requests in their order, run them concurrently, and return the responses in the same order."""
        if len(group) == 1:
            return [await self._handle(group[0], ctx, may_respond=may_respond)]
        responses: list[bytes | None] = [None] * len(group)

        async def handle(index: int) -> None:
            responses[index] = await self._handle(group[index], ctx, may_respond=may_respond)

        async with create_task_group() as tasks:
            for index in range(len(group)):
                tasks.start_soon(handle, index)
        return responses

    async def _handle(self, item: Any, ctx: Any, *, may_respond: bool = True) -> bytes | None:
        try:
            request = messages.parse_request(item)
        except SegueError as error:
            return self.error_response(error, messages.usable_id(item))
        if self.closing:
            response = self.error_response(ShuttingDown("the daemon is shutting down"), request.id)
            return response if request.expects_response else None
        if request.expects_response and not may_respond:
            full = TooLarge("the responses to this batch are too large", limit=self._limits.answer_bytes)
            return self.error_response(full, request.id)
        self.requests += 1
        method = self._methods.get(request.method)
        if method is None:
            near = nearest(request.method, self._methods, likeness=0.8)
            advice = f"; did you mean {near}?" if near else ""
            response = self._failure(request, MethodNotFound(f"no method {request.method[:100]!r}{advice}"))
        else:
            outcome = await run_method(MethodCall(request.method, [request.params], request.id), ctx, method)
            response = self._encode(request, outcome)
        return response if request.expects_response else None

    def _encode(self, request: messages.Request, outcome: Any) -> bytes:
        try:
            if isinstance(outcome, Left):
                return self._failure(request, outcome._error.data)  # noqa: SLF001 - It has no public name.
            return messages.success_response(request.id, outcome._value.result)  # noqa: SLF001
        except Exception as exception:  # noqa: BLE001 - A result that is not JSON is a bug, and reported as one.
            return self._failure(request, to_error(exception, request.method))

    def _failure(self, request: messages.Request | messages.PlainRequest, error: SegueError) -> bytes:
        response = messages.error_response(request.id, error)
        self.errors[error.kind] += 1
        return response


def to_error(exception: Exception, where: str) -> SegueError:
    """Return the wire error for an exception: a SegueError itself, else Internal with the incident id of its log line.

    This is the only place where exceptions become wire errors.
    """
    if isinstance(exception, SegueError):
        # Its traceback is not reported, and would keep the frames with the request until the next collection.
        exception.__traceback__ = exception.__cause__ = exception.__context__ = None
        return exception
    incident = secrets.token_hex(6)
    log.error("incident %s in %s", incident, where, exc_info=exception)
    return Internal("internal error; search the daemon's log for the incident", incident=incident)


def _adapt(method: Method[Any, ..., Any]) -> Any:
    """Return the method in the form that jsonrpcserver calls: it returns every outcome and raises none."""

    async def run(ctx: Any, params: Any, /) -> Any:
        try:
            return Success(await method.handler(ctx, **method.bind(params)))
        except Exception as exception:  # noqa: BLE001 - This is the boundary itself.
            error = to_error(exception, method.name)
            return Error(error.code, error.message, error)

    method.params  # noqa: B018 - Built here, so that the first call does not wait for it.
    return run
