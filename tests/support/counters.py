"""Counts and measurements of a test run, for its summary and for `segue help reliability`.

SEGUE_TRIED_FILE names a file, so that several processes can write to it. A count is a line `{"what": …, "count": …}`, a
measurement a line `{"measured": …}`.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

ANSWERED = "answered writes looked for afterwards: none was lost"

VARIABLE = "SEGUE_TRIED_FILE"


def tried(what: str, count: int = 1) -> None:
    """Add to a count. Do nothing if SEGUE_TRIED_FILE is not set."""
    _keep({"what": what, "count": count})


def measured(sentence: str) -> None:
    """Show a sentence at the end of the run, even if the test fails."""
    _keep({"measured": sentence})


def measurements(path: Path) -> list[str]:
    """Return the sentences of the file in their order."""
    return [entry["measured"] for entry in _entries(path) if "measured" in entry]


def totals(path: Path) -> dict[str, int]:
    """Return the sum of each kind of count, sorted by kind."""
    counted: Counter[str] = Counter()
    for entry in _entries(path):
        if "what" in entry:
            counted[entry["what"]] += entry["count"]
    return dict(sorted(counted.items()))


def _keep(entry: dict[str, Any]) -> None:
    if name := os.environ.get(VARIABLE):
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
