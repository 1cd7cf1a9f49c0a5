"""What the tests tried, counted as they go, for the README's table "What was tried".

Each call adds a line `{"what": …, "count": …}` to the file that SEGUE_TRIED_FILE names, also from other processes.
"""

import json
import os
from collections import Counter
from pathlib import Path

ANSWERED = "answered writes looked for afterwards: none was lost"

VARIABLE = "SEGUE_TRIED_FILE"


def tried(what: str, count: int = 1) -> None:
    """Count so many more of what was tried; nothing happens if nobody asked for a count."""
    if name := os.environ.get(VARIABLE):
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "count": count}) + "\n")


def totals(path: Path) -> dict[str, int]:
    """The counts of the file, each kind's added up, in the order of the alphabet."""
    counted: Counter[str] = Counter()
    for line in path.read_text("utf-8").splitlines():
        entry = json.loads(line)
        counted[entry["what"]] += entry["count"]
    return dict(sorted(counted.items()))
