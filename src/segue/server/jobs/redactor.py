"""Remove secrets from values before they are stored."""

from collections import Counter
from typing import TypeVar

import anyio.to_thread
import msgspec

from segue.redaction import redact_all
from segue.results import PrivacyStatus

T = TypeVar("T")

INLINE_BYTES = 16 * 1024
"""Bytes: longer values are redacted on another thread. 1 MiB takes 60 ms, during which the loop must serve."""


class Redactor:
    """A filter that removes secrets, if the configuration enables it, and counts them by kind."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._found: Counter[str] = Counter()

    def status(self, *, deleted_remains: bool) -> PrivacyStatus:
        """Return the counts since the start. A secret that was sent twice counts twice."""
        return PrivacyStatus(
            redact=self._enabled, redacted=dict(sorted(self._found.items())), deleted_remains=deleted_remains
        )

    async def clean(self, value: T) -> T:
        """Return a JSON value without its secrets."""
        if not self._enabled or not value:
            return value
        if len(value if isinstance(value, str) else msgspec.json.encode(value)) <= INLINE_BYTES:
            return redact_all(value, self._found)
        found: Counter[str] = Counter()
        cleaned = await anyio.to_thread.run_sync(redact_all, value, found)
        self._found += found
        return cleaned
