"""What the tests tried and measured, kept as they go: for the end of the run and the README's table "What was tried".

Each call adds a line `{"what": …, "count": …}` to the file that SEGUE_TRIED_FILE names, also from other processes;
a measurement is a line `{"measured": …}`.
"""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

ANSWERED = "answered writes looked for afterwards: none was lost"

VARIABLE = "SEGUE_TRIED_FILE"


def tried(what: str, count: int = 1) -> None:
    """Count so many more of what was tried; nothing happens if nobody asked for a count."""
    _keep({"what": what, "count": count})


def measured(sentence: str) -> None:
    """Have a sentence shown at the end of the run, whatever became of the test."""
    _keep({"measured": sentence})


def measurements(path: Path) -> list[str]:
    """The sentences of the file, in their order."""
    return [entry["measured"] for entry in _entries(path) if "measured" in entry]


def totals(path: Path) -> dict[str, int]:
    """The counts of the file, each kind's added up, in the order of the alphabet."""
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
