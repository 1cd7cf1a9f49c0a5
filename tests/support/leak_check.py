"""What clients said, to be looked for where it must never be: in the log, and in what another client is told."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

MEMBERS = frozenset(
    {"content", "name", "system_prompt", "fact", "summary", "working_dir", "description", "query", "key", "text"}
)
"""The parameters that hold what a person or a model wrote, and where they work."""

LEAST_CHARS = 12
"""A shorter text may well stand in a log by chance."""

MOST_CHARS = 80
MOST_TEXTS = 300


class Said:
    """What one client said, and the errors it was told."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.errors: list[str] = []

    def note(self, params: Any) -> None:
        """Keep the beginnings of the texts in a request's parameters."""
        if len(self.texts) < MOST_TEXTS:
            self.texts.update(text[:MOST_CHARS] for text in _texts(params) if len(text) >= LEAST_CHARS)

    def note_error(self, error: Any) -> None:
        """Keep an error that the client was told."""
        if len(self.errors) < MOST_TEXTS:
            self.errors.append(json.dumps(error, ensure_ascii=False))


def check_secrecy(log: Iterable[str], clients: list[Said], place: str) -> None:
    """Fail if a text stands in a line above debug, or in an error to a client that did not say it.

    Paths that lead to `place`, the test's own folder, stand in many lines for another reason.
    """
    told = "".join(line for line in log if " DEBUG " not in line)
    for client in clients:
        others = "".join(error for other in clients if other is not client for error in other.errors)
        for text in client.texts:
            if text in place:
                continue
            assert text not in told, f"in the log: {text!r}"
            if text in others:
                spoken_by = [other for other in clients if text in other.texts]
                silent = [other for other in clients if other not in spoken_by]
                assert not any(text in error for other in silent for error in other.errors), f"in an error: {text!r}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            if isinstance(one, str) and name in MEMBERS:
                yield one
            elif isinstance(one, dict | list):
                yield from _texts(one)
    elif isinstance(value, list):
        for one in value[:50]:
            if isinstance(one, dict | list):
                yield from _texts(one)
