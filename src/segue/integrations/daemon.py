"""Call the daemon from a framework: from any thread, from any event loop, and over one connection per process.

A web server may have thousands of session objects, and the daemon accepts 512 clients, so the objects share a client.
A client belongs to its process: a forked child opens its own, because it must not read the responses of its parent.
"""

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from anyio import to_thread

from segue.api import message, session
from segue.client import Client, ConnectionLost, Unreachable
from segue.client.connect import Target
from segue.client.retry import RETRY_PAUSE, may_pass
from segue.errors import ShuttingDown
from segue.jsonrpc.method import Method
from segue.models import Draft, Message, NewSession, OnKey, SessionSummary
from segue.paths import PathOptions, resolve_paths
from segue.results import MessagePage

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

KIND = "segue.kind"
"""Name: the member of a session's metadata that hides the sessions of frameworks from lists, with the value STORE."""

STORE = "store"

MAX_NAME = 255
"""Characters: the longest name of a session."""

PAGE = 10_000
"""Messages: the most that one page holds."""

SESSION_PAGE = 1000
"""Sessions: the most that one page holds."""

BATCH = 1000
"""Messages: the most that one request appends."""

BATCH_CHARS = 2 * 1024 * 1024
"""Characters: the size of a request with several messages. Escaped as JSON, they are shorter than the 16 MiB limit."""

_clients: dict[tuple[int, str, str], Client] = {}
_opening = threading.Lock()


class Daemon:
    """The daemon at a socket, or at the paths of `resolve_paths`. It is started if none serves."""

    def __init__(self, socket: str | Path | None = None) -> None:
        self._socket = None if socket is None else Path(socket)
        self._target: Target | None = None

    def call(self, method: "Method[Any, P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method of `segue.api`, and block until its result arrives.

        While the daemon restarts, the call waits and is sent again, unless the daemon may have executed it.

        Raises:
            ConnectionLost: the daemon may have executed the request.
        """
        return self._call((ShuttingDown, Unreachable), lambda client: client.call(method, *args, **kwargs))

    def repeat(self, method: "Method[Any, P, R]", *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a method that has the same effect if it is executed twice. It is always sent again."""
        passing = (ShuttingDown, Unreachable, ConnectionLost)
        return self._call(passing, lambda client: client.call(method, *args, **kwargs))

    def messages(self, limit: int | None = None, **filters: Any) -> list[Message]:
        """Return the messages that pass the filters of `message.list`, at most `limit` of them."""
        pages = self._client().exchange_pages("message.list", MessagePage, {**filters, "limit": PAGE}, limit)
        return [found for _, page in pages for found in page.messages]

    def sessions(self, **filters: Any) -> Iterator[SessionSummary]:
        """Yield the sessions that pass the filters of `session.list`."""
        cursor: str | None = None
        while True:
            page = self.repeat(session.list, **filters, limit=SESSION_PAGE, cursor=cursor)
            yield from page.sessions
            if (cursor := page.next_cursor) is None:
                return

    def append(self, session_id: str, drafts: list[Draft], create: NewSession, *, on_key: OnKey = "conflict") -> None:
        """Append messages that each have a key, and create the session if there is none."""
        for some in _batches(drafts):
            self.repeat(message.append_many, session_id=session_id, messages=some, create=create, on_key=on_key)

    def _call(self, passing: tuple[type[Exception], ...], request: Callable[[Client], R]) -> R:
        client = self._client()
        deadline = time.monotonic() + client.retry_seconds
        while True:
            try:
                client.refresh()
                return request(client)
            except passing as fault:
                final = isinstance(fault, Unreachable) and not may_pass(fault)
                if final or time.monotonic() >= deadline:
                    raise
            time.sleep(RETRY_PAUSE)

    def _client(self) -> Client:
        """Return the client that this process shares; open it if there is none."""
        if self._target is None:
            self._target = resolve_paths(PathOptions()) if self._socket is None else self._socket
        key = os.getpid(), *_names(self._target)
        client = _clients.get(key)
        if client is None:
            with _opening:
                client = _clients.get(key)
                if client is None:
                    client = _clients[key] = Client.connect(self._target)
        return client


def _renew_lock() -> None:
    """Give a forked child a lock of its own, because a thread of the parent may hold the one it copied."""
    global _opening
    _opening = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking function on a thread, and return its result to asyncio or trio.

    A caller that is cancelled waits for the end, so that no write is running when its task has ended.
    """
    call = partial(function, *args, **kwargs)
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # The event loop is trio's.
        return await to_thread.run_sync(call)
    running = loop.run_in_executor(None, copy_context().run, call)
    cancelled: asyncio.CancelledError | None = None
    while not running.done():
        try:
            await asyncio.wait({running})
        except asyncio.CancelledError as error:
            cancelled = cancelled or error
    if cancelled is not None:
        running.exception()  # Retrieved here, so that asyncio does not log it.
        raise cancelled
    return running.result()


def disconnect() -> None:
    """Close the connections of this process. The next call connects again."""
    with _opening:
        own = [key for key in _clients if key[0] == os.getpid()]
        for key in own:
            _clients.pop(key).close()


def digest(*texts: str) -> str:
    """Return a text of 32 characters that stands for the texts, which may be of any length and have any character."""
    joined = "".join(f"{len(text)}:{text}" for text in texts)
    return hashlib.sha256(joined.encode(errors="surrogatepass")).hexdigest()[:32]


@contextmanager
def framework(package: str, extra: str) -> Iterator[None]:
    """Import a framework in a block that names the extra to install if the package is missing.

    Raises:
        ImportError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ImportError(f"{package} is not installed; install segue[{extra}]", name=package) from error


def text_of_content(content: Any) -> str:
    """Return the text of a message's content, which is a string or a list of blocks."""
    if isinstance(content, str):
        return content
    texts = [block.get("text") for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return "\n".join(text for text in texts if isinstance(text, str))


def store_session(framework: str, name: str, **metadata: str) -> NewSession:
    """Return the session of a framework: hidden from lists, and kept until the framework deletes it.

    `name` is shown to a person who looks for the session; it may be any text.
    """
    shown = "".join(character if character.isprintable() else " " for character in name)[:MAX_NAME].strip()
    about = {KIND: STORE, "framework": framework, **metadata}
    return NewSession(name=shown or framework, metadata=about, retention_days=0)


def _batches(drafts: list[Draft]) -> Iterator[list[Draft]]:
    """Yield the drafts in lists that one request can hold."""
    some: list[Draft] = []
    size = 0
    for draft in drafts:
        length = len(repr(draft))
        if some and (len(some) == BATCH or size + length > BATCH_CHARS):
            yield some
            some, size = [], 0
        some.append(draft)
        size += length
    if some:
        yield some


def _names(target: Target) -> tuple[str, str]:
    return (str(target), "") if isinstance(target, str | Path) else (str(target.socket), str(target.database))
