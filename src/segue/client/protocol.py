"""Requests as lines, lines as answers and events, and whose they are: no socket here."""

from collections import defaultdict, deque
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from segue.client.errors import ConnectionLost, ProtocolError
from segue.client.socket_io import MAX_ANSWER_BYTES
from segue.errors import SegueError, from_wire
from segue.jsonrpc.framing import LineDecoder, TooLong

if TYPE_CHECKING:
    from segue.events import Event

R = TypeVar("R")


class WireError(Struct):
    """The error object of an answer."""

    code: int
    message: str
    data: dict[str, Any] | None = None


class Answer(Struct):
    """A result not yet decoded, or an error."""

    id: int | str | None | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: WireError | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET

    def raw(self) -> bytes:
        """The result as the daemon wrote it; raises the error that it answered instead."""
        if isinstance(self.error, WireError):
            raise self.fault(self.error)
        if isinstance(self.result, UnsetType):
            raise ProtocolError("the answer has neither a result nor an error")
        return bytes(self.result)

    def decode(self, kind: type[R]) -> R:
        """The result as a value of the type; unknown members, from a newer daemon, are left out."""
        try:
            return msgspec.json.decode(self.raw(), type=kind)
        except msgspec.ValidationError as error:
            raise ProtocolError(f"the result is not as agreed: {error}") from None

    @staticmethod
    def fault(error: WireError) -> SegueError:
        """The exception that the daemon raised."""
        return from_wire(msgspec.structs.asdict(error))


_decode = msgspec.json.Decoder(Answer).decode
_encode = msgspec.json.Encoder().encode


class RequestPipeline:
    """The requests of one connection that wait for their answers, which come in the order of the requests."""

    def __init__(self) -> None:
        self._lines = LineDecoder(MAX_ANSWER_BYTES)
        self._ids = count(1)
        self._waiting: dict[int, Answer | None] = {}
        self._abandoned: set[int] = set()
        self._events: defaultdict[str, deque[Event]] = defaultdict(deque)

    def ask(self, name: str, params: Any) -> tuple[int, bytes]:
        """The id of a new request, and its line."""
        id = next(self._ids)
        request = {"jsonrpc": "2.0", "method": name, "id": id}
        line = _encode(request if params is None else {**request, "params": params}) + b"\n"
        self._waiting[id] = None
        return id, line

    def feed(self, data: bytes) -> None:
        """Take in what was received: nothing at all means that the daemon closed the connection."""
        if not data:
            raise ConnectionLost("the daemon closed the connection before it answered")
        for line in self._lines.feed(data):
            self._settle(line)

    def take(self, id: int) -> Answer | None:
        """The answer, once; None while it has not come."""
        answer = self._waiting[id]
        if answer is not None:
            del self._waiting[id]
        return answer

    def abandon(self, id: int) -> None:
        """Nobody waits for that answer any more: it will be dropped when it comes."""
        if id in self._waiting and self._waiting.pop(id) is None:
            self._abandoned.add(id)

    def take_event(self, subscription_id: str) -> "Event | None":
        """The subscription's next event, once; None while none has come."""
        waiting = self._events[subscription_id]
        return waiting.popleft() if waiting else None

    def _settle(self, line: bytes | TooLong) -> None:
        answer = parse_answer(line)
        if answer.method is not UNSET:
            self._keep(answer)
            return
        id = self._next() if answer.id is None else answer.id
        if id in self._abandoned:
            self._abandoned.discard(id)
        elif isinstance(id, int) and self._waiting.get(id, answer) is None:
            self._waiting[id] = answer
        else:
            raise ProtocolError(f"an answer to nothing that was asked came (id {id!r})")

    def _keep(self, notification: Answer) -> None:
        if notification.method != "event" or isinstance(notification.params, UnsetType):
            return  # of a newer daemon
        from segue.events import decode_event  # with every type there is, which a plain call does not need

        try:
            event = decode_event(notification.params)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProtocolError(f"an event that is not as agreed came: {error}") from None
        if event is not None:
            self._events[event.subscription_id].append(event)

    def _next(self) -> int | None:
        """Which request an answer without an id belongs to: answers come in order."""
        unanswered = (id for id, answer in self._waiting.items() if answer is None)
        return min((*unanswered, *self._abandoned), default=None)


def arguments(args: tuple[object, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The params of a typed call: what is UNSET is left out."""
    if args:
        raise TypeError("parameters are given by name")
    return {name: value for name, value in kwargs.items() if value is not UNSET}


def parse_answer(line: bytes | TooLong) -> Answer:
    """An answer, or a notification, from its line; ProtocolError if it is none."""
    if isinstance(line, TooLong):
        raise ProtocolError(f"an answer of more than {MAX_ANSWER_BYTES} bytes came")
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"a line that is no JSON-RPC answer came: {error}") from None
