"""The code blocks of the README and the manual, and a terminal to run them in."""

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from segue.manual import TOPICS, topic_path
from tests.support.docs import README

PAGES = {"README": README, **{topic: topic_path(topic) for topic in TOPICS}}

SESSION_ID = r"\d{4}-\d\d-\d\d-\d{4}-\d{3,}"

CHANGING = [
    (r"\x1b\[[\d;]*m", ""),
    (r" +$", ""),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
    (SESSION_ID, "ID"),
    (r"\d{4}-\d\d-\d\d[_ ]\d\d[-:]\d\d", "MINUTE"),
    (r'"idle_seconds":\d+', '"idle_seconds":N'),
    (r'"cursor":"[0-9a-f]{16}-\d+"', '"cursor":"CURSOR"'),
    (r"\b\d{4}-\d{3}\b", "PART-OF-ID"),
    (r" +\d+[sm]( ago)?$", " AGE"),
    (r" \d+[sm]\) *$", " AGE)"),
]
"""Text that differs between two runs: times, IDs made from times, ages, and escape sequences of a terminal."""


NAMED = re.compile(r"^```(\w+) ([\w-]+)\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


class Exchange(NamedTuple):
    """A command of a console block, and the output that the page shows."""

    command: str
    output: str


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class Program(NamedTuple):
    """A program that a page shows under a name, and its output if the page shows that too."""

    language: str
    text: str
    output: str


def programs(topic: str) -> dict[str, Program]:
    """Return the programs of a page by their names."""
    found = NAMED.findall(PAGES[topic].read_text())
    return {name: Program(language, text, output) for language, name, text, output in found}


def exchanges(text: str) -> list[Exchange]:
    """Return each command that the page shows, with its output."""
    found = []
    for block in blocks(text, "console"):
        starts = [match.start() for match in re.finditer(r"^\$ ", block, re.MULTILINE)]
        for start, end in pairwise([*starts, len(block)]):
            command, _, output = block[start + 2 : end].partition("\n")
            found.append(Exchange(command, output))
    return found


def steady(text: str, home: Path) -> str:
    """Return the text without what differs between two runs."""
    text = text.replace(str(home), "/home/ada")
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text.rstrip()


def pages_with(language: str) -> list[str]:
    return [name for name, path in PAGES.items() if blocks(path.read_text(), language)]
