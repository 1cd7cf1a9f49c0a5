"""Find secrets in text that arrives in pieces, before the rest of a secret is there.

Plan:

1. A form begins at one of its prefixes and has less than `WORDS` words from there on. So the text from the first
   prefix among the last words on is held back, until enough words follow it. The last word is held back until it ends.
2. A block of a private key is held back from its header on, because it may have many words.
3. What is in front of the held text is redacted and released. Its end is kept as context, because some forms are
   recognized by the words before them.
4. More than `MAX_HELD` characters are never held back. Nothing that long is one secret.
"""

import re
from collections import Counter

from segue.redaction import MARK, SECRETS, find

WORDS = 8
"""Words: the longest form, a line of a netrc file, has 6 with its prefix."""

CONTEXT = 1024
"""Characters of released text that later text is searched together with."""

HEADER = "-----BEGIN"
HEADER_CHARS = 1000
"""Characters between the header of a private key and its first line of data, at most."""

MAX_HELD = 64 * 1024

_PREFIXES = re.compile("|".join(sorted({re.escape(prefix) for secret in SECRETS for prefix in secret.prefixes})))
_WORD = re.compile(r"[!-~]+|[^\s!-~]{1,4}")
"""A word, or a piece of text of a language that has none or that no secret is written in."""

_OPEN_WORD = re.compile(r"[!-~]*\Z")


class StreamRedactor:
    """The end of a text: what is released of it, as context, and what is held back."""

    def __init__(self, context: str = "") -> None:
        self._text = context[-CONTEXT:]
        self._released = len(self._text)

    def feed(self, text: str, found: Counter[str]) -> str:
        """Add a piece, return the next text without secrets, and count the kinds in `found`."""
        self._text += text
        return self._release(self._end_of_release(), found)

    def finish(self, text: str, found: Counter[str]) -> str:
        """Add the last piece, and return all text that is held back, without secrets."""
        self._text += text
        return self._release(len(self._text), found)

    def _end_of_release(self) -> int:
        text = self._text
        if len(text) - self._released > MAX_HELD:
            return len(text)
        words = [match.start() for match in _WORD.finditer(text)][-WORDS:]
        open_word = _OPEN_WORD.search(text, words[-1] if words else len(text))
        ends = [
            open_word.start() if open_word else len(text),
            header if (header := text.find(HEADER, max(0, len(text) - HEADER_CHARS))) >= 0 else len(text),
        ]
        if prefix := _PREFIXES.search(text, words[0] if words else len(text)):
            ends.append(prefix.start())
        return min(ends)

    def _release(self, end: int, found: Counter[str]) -> str:
        """Return the text up to `end`, or up to a secret that crosses it."""
        start = self._released
        hits = [hit for hit in find(self._text) if hit.end > start]
        if end < len(self._text):
            end = min([end, *(hit.start for hit in hits if hit.start < end < hit.end)])
        end = max(end, start)
        pieces = []
        for hit in hits:
            if hit.start >= end:
                break
            pieces += [self._text[start : max(start, hit.start)], f"{MARK}{hit.kind}]"]
            start = hit.end
            found[hit.kind] += 1
        pieces.append(self._text[start:end])
        kept = max(0, end - CONTEXT)
        self._text, self._released = self._text[kept:], end - kept
        return "".join(pieces)
