"""Encode requests, decode responses and events, and match them. This module does not use a socket."""

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from segue.client.errors import ConnectionLost, ProtocolError
from segue.client.json_values import json_value
from segue.client.socket_io import MAX_ANSWER_BYTES
from segue.errors import SegueError, ShuttingDown, from_wire
from segue.jsonrpc.framing import LineDecoder, Unreadable

if TYPE_CHECKING:
    from segue.client.event_queue import EventQueue
    from segue.events import Event

R = TypeVar("R")


class WireError(Struct):
    """The error object of a response."""

    code: int
    message: str
    data: dict[str, Any] | None = None


class Answer(Struct):
    """A response with a result that is not decoded yet, or an error; or a notification."""

    id: int | str | None | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: WireError | UnsetType = UNSET
    method: str | UnsetType = UNSET
    params: Raw | UnsetType = UNSET

    @property
    def is_shutting_down(self) -> bool:
        """Return True if the daemon refused the request because it exits."""
        data = self.error.data if isinstance(self.error, WireError) else None
        return data is not None and data.get("kind") == ShuttingDown.kind

    def raw(self) -> bytes:
        """Return the JSON text of the result exactly as the daemon sent it.

        Raises:
            SegueError: the response is an error.
            ProtocolError: the response has neither a result nor an error.
        """
        if isinstance(self.error, WireError):
            raise self.exception(self.error)
        if isinstance(self.result, UnsetType):
            raise ProtocolError("the response has neither a result nor an error")
        return bytes(self.result)

    def decode(self, kind: type[R]) -> R:
        """Return the result as a value of the type, without members that only a newer daemon sends.

        Raises:
            SegueError: the response is an error.
            ProtocolError: the result has another type.
        """
        try:
            return msgspec.json.decode(self.raw(), type=kind)
        except msgspec.ValidationError as error:
            raise ProtocolError(f"the result has an unexpected type: {error}") from None

    @staticmethod
    def exception(error: WireError) -> SegueError:
        """Return the exception that an error object stands for."""
        return from_wire(msgspec.structs.asdict(error))


_decode = msgspec.json.Decoder(Answer).decode
_encode = msgspec.json.Encoder().encode


class RequestPipeline:
    """The pending requests and the subscriptions of one connection. Responses arrive in the order of the requests."""

    def __init__(self) -> None:
        self._lines = LineDecoder(MAX_ANSWER_BYTES)
        self._ids = count(1)
        self._pending: dict[int, Answer | None] = {}
        self._forgotten: set[int] = set()
        self._subscribing: set[int] = set()
        self._events: dict[str, EventQueue] = {}

    def new_request(self, name: str, params: Any) -> tuple[int, bytes]:
        """Return the ID of a new request, and its line.

        Raises:
            ValueError: a parameter contains NaN or infinity.
        """
        id = next(self._ids)
        request = {"jsonrpc": "2.0", "method": name, "id": id}
        line = _encode(request if params is None else {**request, "params": json_value(params)}) + b"\n"
        self._pending[id] = None
        if name == "events.subscribe":
            self._subscribing.add(id)
        elif name == "events.unsubscribe":
            for value in _values(params):
                self._events.pop(value, None)
        return id, line

    def feed(self, data: bytes) -> None:
        """Decode received bytes.

        Raises:
            ConnectionLost: there are none, because the daemon closed the connection.
            ProtocolError: a line is neither an event nor the response to a request.
        """
        if not data:
            raise ConnectionLost("the daemon closed the connection")
        for line in self._lines.feed(data):
            answer = parse_answer(line)
            self._take_response(answer) if answer.method is UNSET else self._take_notification(answer)

    def pop_response(self, id: int) -> Answer | None:
        """Return the response to a request and forget the request; None before the response arrives."""
        answer = self._pending[id]
        if answer is not None:
            del self._pending[id]
        return answer

    def forget(self, id: int) -> None:
        """Drop the response to a request, now or when it arrives."""
        if id in self._pending and self._pending.pop(id) is None:
            self._forgotten.add(id)

    def pop_event(self, subscription_id: str) -> "Event | None":
        """Return the next event of a subscription; None if there is none yet.

        Raises:
            ConnectionLost: this connection does not have the subscription.
        """
        queue = self._events.get(subscription_id)
        if queue is None:
            raise ConnectionLost(f"the connection has no subscription {subscription_id!r}; subscribe again")
        return queue.pop()

    def _take_response(self, answer: Answer) -> None:
        id = self._oldest_unanswered() if answer.id is None else answer.id
        if id in self._forgotten:
            self._forgotten.discard(id)
        elif isinstance(id, int) and self._pending.get(id, answer) is None:
            self._pending[id] = answer
        else:
            raise ProtocolError(f"received a response to an unknown request (id {id!r})")
        if id in self._subscribing:
            self._subscribing.discard(id)
            self._open_queue(answer)

    def _open_queue(self, answer: Answer) -> None:
        """Accept the events of a new subscription. The response arrives before the first of them."""
        if isinstance(answer.result, UnsetType):
            return
        from segue.client.event_queue import EventQueue
        from segue.results import Subscribed

        self._events[answer.decode(Subscribed).subscription_id] = EventQueue()

    def _take_notification(self, notification: Answer) -> None:
        if notification.method != "event" or isinstance(notification.params, UnsetType):
            return  # Of a newer daemon.
        from segue.events import decode_event  # Imported here, because it loads all types and few clients need it.

        try:
            event = decode_event(notification.params)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProtocolError(f"received an event of an unexpected form: {error}") from None
        if event is not None and (queue := self._events.get(event.subscription_id)) is not None:
            queue.put(event, len(memoryview(notification.params)))

    def _oldest_unanswered(self) -> int | None:
        """Return the request that a response without an ID belongs to."""
        unanswered = (id for id, answer in self._pending.items() if answer is None)
        return min((*unanswered, *self._forgotten), default=None)


def name_of(method: Any) -> str:
    """Return the name of a method.

    Raises:
        TypeError: it is the name itself, as `request` takes it.
    """
    if isinstance(method, str):
        raise TypeError(f"this takes a method such as segue.api.message.append; by name: request({method!r}, {{…}})")
    name: str = method.name
    return name


def arguments(args: tuple[object, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a typed call without those that are UNSET.

    Raises:
        TypeError: a parameter is given by position.
    """
    if args:
        raise TypeError("parameters are given by name")
    return {name: value for name, value in kwargs.items() if value is not UNSET}


def parse_answer(line: bytes | Unreadable) -> Answer:
    """Return the response or the notification that a line contains.

    Raises:
        ProtocolError: the line is neither.
    """
    if isinstance(line, Unreadable):
        raise ProtocolError(f"received a response of more than {MAX_ANSWER_BYTES} bytes")
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"received a line that is not a JSON-RPC response: {error}") from None


def _values(params: Any) -> Iterator[Any]:
    """Yield the parameter values of a request whether they are given by name or by position."""
    if isinstance(params, dict):
        yield from params.values()
    elif isinstance(params, list | tuple):
        yield from params
