"""The counts of an import."""

from collections import Counter
from typing import Any


class Counts:
    """The counts of an import so far."""

    def __init__(self) -> None:
        self.items = self.items_unchanged = self.sessions = self.messages = 0
        self.added = self.updated = self.unchanged = 0
        self.skipped: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.problems: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON object."""
        return dict(vars(self)) | {"skipped": dict(self.skipped), "left_out": dict(self.left_out)}
