"""The messages that every system stores."""

import random
from functools import cache

from tests.bench.corpus import SEED, Language

BYTES = 500
TEXTS = 64


@cache
def texts() -> list[str]:
    """Messages of 500 bytes each, in words as frequent as in any language; always the same."""
    language = Language(random.Random(SEED))
    return [_one(language) for _ in range(TEXTS)]


def _one(language: Language) -> str:
    text = ""
    while len(text) < BYTES:
        text += language.text().encode("ascii", "ignore").decode() + " "
    return text[:BYTES]


def shared_out(all_texts: list[str], clients: int) -> list[list[str]]:
    """For each client some of them, beginning with another."""
    return [[all_texts[(client + step) % len(all_texts)] for step in range(8)] for client in range(clients)]
