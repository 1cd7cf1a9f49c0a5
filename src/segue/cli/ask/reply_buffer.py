"""The reply of the model command, decoded while it arrives."""

import codecs
from collections.abc import Callable

RESERVE_BYTES = 16
"""Bytes: reserve for U+FFFD, which replaces a character that the end of the output cuts."""

MAX_GROWTH = 3
"""Bytes: length of U+FFFD, which replaces one byte that is not UTF-8."""


class Reply:
    """A text of at most `limit` bytes that grows by bytes; bytes that are not UTF-8 become U+FFFD.

    `on_text` is called with each piece of it.
    """

    def __init__(self, limit: int, on_text: Callable[[str], None] | None = None) -> None:
        self._on_text = on_text
        self._limit = limit - RESERVE_BYTES
        self._size = 0
        self._pieces: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def free_bytes(self) -> int:
        """Return how many more bytes fit, whatever they are."""
        return max(0, self._limit - self._size) // MAX_GROWTH

    def append(self, data: bytes) -> None:
        """Append bytes, which may end in the middle of a character."""
        self._store(self._decoder.decode(data))

    def finish(self) -> str:
        """Return the whole text without trailing line ends. No bytes can be appended after it."""
        self._store(self._decoder.decode(b"", final=True))
        return "".join(self._pieces).rstrip("\r\n")

    def _store(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text.encode())
        if self._on_text is not None:
            self._on_text(text)
