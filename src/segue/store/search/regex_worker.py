"""A program that searches texts for a regular expression: on each line of standard input a pattern and a batch.

It uses the standard library only. `regex_process` starts it and kills it.
"""

import json
import re
import resource
import sys
from itertools import islice
from typing import Any

CPU_SECONDS = 1
"""Seconds of CPU after which the kernel ends the program. The time of the wall would also count other programs."""

MAX_SPANS = 20
"""Matches of a text that are returned."""


def search(pattern: "re.Pattern[str]", batch: list[list[str]]) -> list[Any]:
    """Return for each message that matches its number, the number of the first text, and the ranges in it."""
    found = []
    for number, texts in enumerate(batch):
        for index, text in enumerate(texts):
            spans = [match.span() for match in islice(pattern.finditer(text), MAX_SPANS)]
            if spans:
                found.append((number, index, spans))
                break
    return found


def main() -> None:
    """Search each line's batch and print its result."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for line in sys.stdin:
        pattern, batch = json.loads(line)
        sys.stdout.write(json.dumps(search(re.compile(pattern), batch)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
