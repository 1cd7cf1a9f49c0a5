"""A write in the queue, and its result."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Generic, NamedTuple, TypeVar

from segue.events import Emitted
from segue.store.engine.tx import Tx

T = TypeVar("T")


class WriteResult(NamedTuple):
    """The result of a write: a value, or the error that undid it."""

    value: Any
    error: BaseException | None
    emitted: list[Emitted]
    """The events of the write; none if it was undone."""


class Write(Generic[T]):
    """A write that waits for its commit. A caller awaits it, or passes a function to `then`; not both."""

    __slots__ = ("_callback", "_future", "_result", "enqueued_at", "inline", "query")

    def __init__(self, query: Callable[[Tx], T], enqueued_at: float, *, inline: bool) -> None:
        self.query = query
        self.enqueued_at = enqueued_at
        self.inline = inline
        self._callback: Callable[[Any, Exception | None], None] | None = None
        self._future: asyncio.Future[T] | None = None
        self._result: WriteResult | None = None

    def then(self, callback: Callable[[Any, Exception | None], None]) -> None:
        """Call CALLBACK with the value or the error in the turn of the loop that learns it. It must not raise.

        Cheaper than an await, because no future, no task and no further turn of the loop is involved.
        """
        self._callback = callback

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the value. A canceled caller does not undo the write."""
        self._future = asyncio.get_running_loop().create_future()
        if self._result is not None:
            _resolve(self._future, self._result.value, _to_exception(self._result.error))
        return self._future.__await__()

    def settle(self, result: WriteResult) -> None:
        """Give the result to the caller that waits."""
        if self._callback is not None:
            self._callback(result.value, _to_exception(result.error))
        elif self._future is not None:
            _resolve(self._future, result.value, _to_exception(result.error))
        else:
            self._result = result


def _to_exception(error: BaseException | None) -> Exception | None:
    """Return an error that a future accepts: no StopIteration, and no BaseException, which concerns the thread only."""
    if error is None or (isinstance(error, Exception) and not isinstance(error, StopIteration)):
        return error
    return RuntimeError(f"a write ended with {error!r}")


def _resolve(future: asyncio.Future[T], value: T, error: Exception | None) -> None:
    if future.done():  # The caller was canceled. Its write is stored all the same.
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
