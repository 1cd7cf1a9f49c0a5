"""Send the reply to the daemon while the command writes it, so that little is lost if `segue ask` is killed.

A thread sends it on a connection of its own: a daemon that is slow or gone never delays the output. If anything fails,
the reply is stored as a whole at the end.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from segue.client import Client, ClientError
from segue.errors import SegueError
from segue.models import Message
from segue.paths import Paths
from segue.results import Appended, Empty

PAUSE_SECONDS = 0.05
"""Seconds between two texts that are sent. A reader sees no difference to each character."""

TEXT_CHARS = 2**18
"""Characters of one text, so that its line is never too long for the daemon, and a slow machine takes it in time."""

ANSWER_SECONDS = 10.0
"""Seconds: how long the end waits for each response. Then the reply is stored as a whole, which is retried."""


class ReplyStream:
    """A message that grows in the daemon as the reply does. It begins with the first text that is not blank."""

    def __init__(self, paths: Paths, params: dict[str, Any]) -> None:
        self._paths = paths
        self.params = params
        self._changed = threading.Condition()
        self._unsent = ""
        self._changes: dict[str, Any] | None = None
        self._stored = False
        self._responses = 0
        self._thread: threading.Thread | None = None

    def add(self, text: str) -> None:
        """Add text, without waiting for the daemon."""
        with self._changed:
            self._unsent += text
            if self._thread is None and self._unsent.strip():
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def finish(self, **changes: Any) -> bool:
        """End the message with the given members, and return True if the daemon has all of it."""
        if self._thread is None:
            return False
        with self._changed:
            self._changes = changes
            self._changed.notify()
        responses = -1
        while self._thread.is_alive() and responses != self._responses:
            responses = self._responses
            self._thread.join(ANSWER_SECONDS)
        return self._stored

    def _run(self) -> None:
        with suppress(ClientError, SegueError), Client.connect(self._paths, autostart=False) as client:
            client.retry_seconds = 0
            begun = client.exchange("message.begin", self.params).decode(Appended)
            for text in self._texts():
                delta = {"message_id": begun.message_id, "text": text}
                client.exchange("message.delta", delta).decode(Empty)
                self._responses += 1
            client.exchange("message.finish", {"message_id": begun.message_id, **(self._changes or {})}).decode(Message)
            self._stored = True

    def _texts(self) -> Iterator[str]:
        """Yield the text since the last one, until the reply ends. Line ends come with the text after them."""
        while True:
            with self._changed:
                ends = self._changes is not None or self._changed.wait_for(
                    lambda: self._changes is not None, PAUSE_SECONDS
                )
                text = self._unsent.rstrip("\r\n")
                self._unsent = self._unsent[len(text) :]
            yield from (text[start : start + TEXT_CHARS] for start in range(0, len(text), TEXT_CHARS))
            if ends:
                return
