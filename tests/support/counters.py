"""Counts and measurements of a test run, for its summary and for `segue help reliability`.

SEGUE_TRIED_FILE names a file, so that several processes can write to it. A count is a line `{"what": …, "count": …}`, a
measurement a line `{"measured": …}`. The first line is the begin of the run, the last one its end: see `Run`.
"""

import json
import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

ANSWERED = "answered writes looked for afterwards: none was lost"
FAULTS = "system calls that failed or were the last, each followed by a restart"

VARIABLE = "SEGUE_TRIED_FILE"


class Run(NamedTuple):
    """A run of tests that has passed."""

    date: str
    commit: str
    options: list[str]
    """The options that name a length, such as `--kills=1000`."""
    minutes: int


def begin_run(path: Path, options: list[str]) -> None:
    """Empty the file, and write the date, the commit and the options of this run."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    begin = {"date": time.strftime("%Y-%m-%d"), "commit": done.stdout.strip(), "options": options, "at": time.time()}
    path.write_text(json.dumps({"begin": begin}) + "\n")


def end_run(path: Path, *, passed: bool) -> None:
    """Write the end of the run."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"end": {"passed": passed, "at": time.time()}}) + "\n")


def read_run(path: Path) -> Run:
    """Return what the file says of its run; ValueError if the run has failed or did not end."""
    entries = _entries(path)
    begin = next((entry["begin"] for entry in entries if "begin" in entry), None)
    end = next((entry["end"] for entry in entries if "end" in entry), None)
    if begin is None or end is None or not end["passed"]:
        raise ValueError(f"{path}: the run failed or did not end")
    return Run(begin["date"], begin["commit"], begin["options"], round((end["at"] - begin["at"]) / 60))


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
