"""What clients send, with the secrets taken out before it is stored."""

from collections import Counter
from typing import TypeVar

import anyio.to_thread
import msgspec

from segue.redaction import redact_all
from segue.results import PrivacyStatus

T = TypeVar("T")

INLINE_BYTES = 16 * 1024
"""What is longer is looked through on another thread: a mebibyte takes 60 ms, and others are served meanwhile."""


class Redactor:
    """Takes secrets out and counts them by kind, if the configuration says so."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._found: Counter[str] = Counter()

    def status(self, *, deleted_remains: bool) -> PrivacyStatus:
        """How many there were since the start; one that was sent twice counts twice."""
        return PrivacyStatus(
            redact=self._enabled, redacted=dict(sorted(self._found.items())), deleted_remains=deleted_remains
        )

    async def clean(self, value: T) -> T:
        """The value, of strings as JSON has them, without secrets."""
        if not self._enabled or not value:
            return value
        if len(value if isinstance(value, str) else msgspec.json.encode(value)) <= INLINE_BYTES:
            return redact_all(value, self._found)
        found: Counter[str] = Counter()
        cleaned = await anyio.to_thread.run_sync(redact_all, value, found)
        self._found += found
        return cleaned
