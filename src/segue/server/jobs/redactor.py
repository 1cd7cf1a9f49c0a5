"""The redactor: replaces secrets in what clients send, before the store sees it."""

from collections import Counter
from typing import TypeVar

import anyio.to_thread
import msgspec

from segue.redaction import redact_all
from segue.redaction.streaming import StreamRedactor
from segue.status_results import PrivacyStatus

T = TypeVar("T")

INLINE_BYTES = 16 * 1024
"""Bytes: longer values are searched on another thread, because 1 MiB takes 60 ms."""


class Redactor:
    """Redaction with a counter of secrets by kind; passes values through if it is disabled."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._found: Counter[str] = Counter()

    def status(self, *, deleted_remains: bool) -> PrivacyStatus:
        """Return the number of secrets since the start, by kind; a secret that is sent twice counts twice."""
        return PrivacyStatus(
            redact=self.enabled, redacted=dict(sorted(self._found.items())), deleted_remains=deleted_remains
        )

    async def redact(self, value: T) -> T:
        """Return a JSON value without its secrets."""
        if not self.enabled or not value:
            return value
        if len(value if isinstance(value, str) else msgspec.json.encode(value)) <= INLINE_BYTES:
            return redact_all(value, self._found)
        found: Counter[str] = Counter()
        redacted = await anyio.to_thread.run_sync(redact_all, value, found)
        self._found += found
        return redacted

    async def feed(self, redactor: StreamRedactor, text: str, *, ends: bool = False) -> str:
        """Add text to the redactor of a stream, and return what is certain of it, or all if the stream ends."""
        found: Counter[str] = Counter()
        feed = redactor.finish if ends else redactor.feed
        if len(text) <= INLINE_BYTES:
            redacted = feed(text, found)
        else:
            redacted = await anyio.to_thread.run_sync(feed, text, found)
        self._found += found
        return redacted
