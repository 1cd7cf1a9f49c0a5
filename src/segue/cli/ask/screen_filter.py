"""The filter between the output of a model command and a terminal."""

import codecs
import re

from segue.escapes import COLOR_LENGTH, escape_all_but_colors

INCOMPLETE = re.compile(rf"\r|\x1b(\[[0-9;:]{{0,{COLOR_LENGTH}}})?")
"""The start of a color or of a CR LF line end at the end of a chunk."""

RESET = b"\x1b[0m"


class ScreenFilter:
    """A stream filter that escapes everything that could drive a terminal, except colors."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self._colored = False

    def feed(self, data: bytes) -> bytes:
        """Return what to show of the next bytes. An incomplete sequence at their end is held back."""
        text = self._held + self._decoder.decode(data)
        held = next((found for found in INCOMPLETE.finditer(text) if found.end() == len(text)), None)
        self._held = text[held.start() :] if held else ""
        return self._filtered(text[: len(text) - len(self._held)])

    def finish(self) -> bytes:
        """Return the rest, and a reset if the text had colors."""
        rest = self._filtered(self._held + self._decoder.decode(b"", final=True))
        self._held = ""
        return rest + (RESET if self._colored else b"")

    def _filtered(self, text: str) -> bytes:
        shown = escape_all_but_colors(text)
        self._colored = self._colored or "\x1b" in shown
        return shown.encode()
