"""What a model wrote, as text, while it comes."""

import codecs

RESERVE_BYTES = 16
"""For the character that an end in the middle of one becomes."""

WIDEST = 3
"""A byte that is not UTF-8 becomes U+FFFD, which has three."""


class Reply:
    """Bytes as they come, kept as text of at most `limit` bytes; what is not UTF-8 becomes U+FFFD."""

    def __init__(self, limit: int) -> None:
        self._limit = limit - RESERVE_BYTES
        self._size = 0
        self._pieces: list[str] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    @property
    def room(self) -> int:
        """How many bytes more may come, whatever they are."""
        return max(0, self._limit - self._size) // WIDEST

    def take(self, data: bytes) -> None:
        """Keep the next bytes, which may end in the middle of a character."""
        self._keep(self._decoder.decode(data))

    def finish(self) -> str:
        """The whole text without the line ends at its end; nothing can be taken any more."""
        self._keep(self._decoder.decode(b"", final=True))
        return "".join(self._pieces).rstrip("\r\n")

    def _keep(self, text: str) -> None:
        self._pieces.append(text)
        self._size += len(text.encode())
