"""One line in, one line out: jsonrpcserver runs the methods, and every exception becomes a wire error here.

jsonrpcserver 5.0.9 runs one method at a time, with the envelope checked and the method found already: its own batch
answers one error for a whole batch and runs the items under `asyncio.gather` (which pierces cancel shields), its
validator can be made to block the loop for seconds, and its lookup inspects a method's signature at each call. No
exception ever reaches it, for it would put the exception's text on the wire.
"""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from anyio import Lock, create_task_group
from anyio.lowlevel import checkpoint

from segue.config import Limits
from segue.errors import Internal, InvalidRequest, MethodNotFound, SegueError, ShuttingDown, TooLarge
from segue.jsonrpc import messages
from segue.jsonrpc._jsonrpcserver import Error, Left, Request, Success, run_method
from segue.jsonrpc.method import Method, Table

log = logging.getLogger("segue.jsonrpc")

LONG_BYTES = 2**20
"""Bytes: a longer line is parsed alone, because parsing it takes many milliseconds."""

MAX_CONTAINERS = 500_000
"""Arrays and objects in one line: more make it too large. So many take 60 ms to parse, in which nothing else runs."""

YIELD_EVERY = 50
"""Requests of one batch that are answered, or begun, before other clients get a turn: about a millisecond."""


class Dispatcher:
    """Answers lines by a table of methods, and counts what it answered."""

    def __init__(
        self,
        methods: Table,
        limits: Limits,
        *,
        together: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`together`: calls of one batch that follow one another wait together, if their method only queues."""
        self._methods = {name: _adapt(method) for name, method in methods.items()}
        self._queueing = {name for name, method in methods.items() if method.queues and together}
        self._limits = limits
        self._parsing_long = Lock()
        self.requests = 0
        self.errors: Counter[str] = Counter()
        """Errors answered, by kind."""
        self._monotonic = monotonic
        self.last_used = monotonic()
        self.closing = False
        """Whether the time for draining is over: requests are then refused instead of run."""

    async def answer(self, line: bytes, ctx: Any) -> bytes | None:
        """The answer to one line, without its LF; None if nothing in it wants one."""
        self.last_used = self._monotonic()
        try:
            item = messages.parse(line) if len(line) <= LONG_BYTES else await self._parse_long(line)
        except SegueError as error:
            return self.refuse(error)
        if not isinstance(item, list):
            return await self._one(item, ctx)
        if not item:
            return self.refuse(InvalidRequest("a batch must not be empty"))
        if len(item) > self._limits.batch:
            return self.refuse(TooLarge("too many requests in one batch", limit=self._limits.batch))
        return await self._batch(item, ctx)

    async def _parse_long(self, line: bytes) -> Any:
        async with self._parsing_long:
            await checkpoint()
            if line.count(b"]") + line.count(b"}") > MAX_CONTAINERS:  # They may be text, which is parsed fast.
                for count in messages.count_containers(line):
                    if count > MAX_CONTAINERS:
                        raise TooLarge("a line has too many arrays and objects", limit=MAX_CONTAINERS)
                    await checkpoint()
            return messages.parse(line)

    def refuse(self, error: SegueError, id: messages.Id = None) -> bytes:
        """The answer to what could not be run at all."""
        self.requests += 1
        self.errors[error.kind] += 1
        return messages.failure(id, error)

    async def _batch(self, items: list[Any], ctx: Any) -> bytes | None:
        answers: list[bytes] = []
        size = 0
        for number, group in enumerate(self._grouped(items)):
            if number % YIELD_EVERY == 0 or len(group) > 1:
                await checkpoint()
            for answer in await self._group(group, ctx, has_room=size <= self._limits.answer_bytes):
                if answer is not None:
                    answers.append(answer)
                    size += len(answer)
        return b"[" + b",".join(answers) + b"]" if answers else None

    def _grouped(self, items: list[Any]) -> Iterator[list[Any]]:
        """Each by itself, but those together that follow one another and only queue: at most `YIELD_EVERY`."""
        for queues, several in groupby(items, self._queues):
            run = list(several)
            step = YIELD_EVERY if queues else 1
            yield from (run[start : start + step] for start in range(0, len(run), step))

    def _queues(self, item: Any) -> bool:
        name = item.get("method") if isinstance(item, dict) else None
        return isinstance(name, str) and name in self._queueing

    async def _group(self, group: list[Any], ctx: Any, *, has_room: bool) -> list[bytes | None]:
        """The answers, in the order of the requests, which are begun in that order."""
        if len(group) == 1:
            return [await self._one(group[0], ctx, has_room=has_room)]
        answers: list[bytes | None] = [None] * len(group)

        async def answer(index: int) -> None:
            answers[index] = await self._one(group[index], ctx, has_room=has_room)

        async with create_task_group() as tasks:
            for index in range(len(group)):
                tasks.start_soon(answer, index)
        return answers

    async def _one(self, item: Any, ctx: Any, *, has_room: bool = True) -> bytes | None:
        try:
            call = messages.check(item)
        except SegueError as error:
            return self.refuse(error, messages.usable_id(item))
        if self.closing:
            answer = self.refuse(ShuttingDown("the daemon is shutting down"), call.id)
            return answer if call.expects_response else None
        if call.expects_response and not has_room:  # not run at all, for its answer could not be told
            full = TooLarge("the answers to this batch are too large", limit=self._limits.answer_bytes)
            return self.refuse(full, call.id)
        self.requests += 1
        method = self._methods.get(call.method)
        if method is None:
            answer = self._fail(call, MethodNotFound(f"no method {call.method[:100]!r}"))
        else:
            outcome = await run_method(Request(call.method, [call.params], call.id), ctx, method)
            answer = self._encode(call, outcome)
        return answer if call.expects_response else None

    def _encode(self, call: messages.Call, outcome: Any) -> bytes:
        try:
            if isinstance(outcome, Left):
                return self._fail(call, outcome._error.data)  # noqa: SLF001 - it has no public name
            return messages.success(call.id, outcome._value.result)  # noqa: SLF001
        except Exception as fault:  # noqa: BLE001 - an answer that is not JSON is our bug, told as such
            return self._fail(call, to_error(fault, call.method))

    def _fail(self, call: messages.Call, error: SegueError) -> bytes:
        answer = messages.failure(call.id, error)
        self.errors[error.kind] += 1
        return answer


def to_error(fault: Exception, where: str) -> SegueError:
    """The one exception-to-wire boundary: a SegueError speaks for itself, anything else is logged and opaque."""
    if isinstance(fault, SegueError):
        # Its traceback is told to nobody, and would hold the frames with all that was sent until the next collection.
        fault.__traceback__ = fault.__cause__ = fault.__context__ = None
        return fault
    incident = secrets.token_hex(6)
    log.error("incident %s in %s", incident, where, exc_info=fault)
    return Internal("internal error; the daemon's log tells more", incident=incident)


def _adapt(method: Method[Any, ..., Any]) -> Any:
    """The method as jsonrpcserver calls it: every outcome is returned, none is raised."""

    async def run(ctx: Any, params: Any, /) -> Any:
        try:
            return Success(await method.handler(ctx, **method.bind(params)))
        except Exception as fault:  # noqa: BLE001 - the boundary itself
            error = to_error(fault, method.name)
            return Error(error.code, error.message, error)

    method.params  # noqa: B018 - made now, so that the first call does not pay for it
    return run
