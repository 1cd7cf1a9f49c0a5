"""The messages that every system stores."""

import random
from functools import cache

from tests.bench.corpus import SEED, Language

BYTES = 500
TEXTS = 64


@cache
def texts() -> list[str]:
    """Return messages of 500 bytes each with natural word frequencies, the same in every run."""
    language = Language(random.Random(SEED))
    return [_one(language) for _ in range(TEXTS)]


def _one(language: Language) -> str:
    text = ""
    while len(text) < BYTES:
        text += language.text().encode("ascii", "ignore").decode() + " "
    return text[:BYTES]


def distribute(all_texts: list[str], clients: int) -> list[list[str]]:
    """Return eight texts for each client, each client beginning at another text."""
    return [[all_texts[(client + step) % len(all_texts)] for step in range(8)] for client in range(clients)]
