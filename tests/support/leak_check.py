"""A check that texts of clients are neither in the log nor in an error to another client."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

MEMBERS = frozenset(
    {"content", "name", "system_prompt", "fact", "summary", "working_dir", "description", "query", "key", "text"}
)
"""Names of the parameters that contain texts of users and models, and directories."""

LEAST_CHARS = 12
"""Characters: shorter texts are not checked, because a log may contain them by chance."""

MOST_CHARS = 80
MOST_TEXTS = 300


class Said:
    """The texts that one client sent, and the errors that it received."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.errors: list[str] = []

    def note(self, params: Any) -> None:
        """Store the beginnings of the texts in a request's parameters."""
        if len(self.texts) < MOST_TEXTS:
            self.texts.update(text[:MOST_CHARS] for text in _texts(params) if len(text) >= LEAST_CHARS)

    def note_error(self, error: Any) -> None:
        """Store an error that the client received."""
        if len(self.errors) < MOST_TEXTS:
            self.errors.append(json.dumps(error, ensure_ascii=False))


def check_secrecy(log: Iterable[str], clients: list[Said], place: str) -> None:
    """Fail if a text is in a log line above debug, or in an error to a client that did not send it.

    Texts that are part of `place`, the folder of the test, are not checked, because paths contain them.
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
