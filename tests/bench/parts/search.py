"""Searches in a large archive beside a small one: `python -m tests.bench.parts.search [--messages N]`.

The script creates both databases in a temporary directory (a million messages: some minutes and 1.5 GB) and serves
each by a segued. It sends the same requests to both in turns and prints milliseconds.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.corpus import MESSAGES_PER_SESSION, SEED, Language, directory, fill, session_id
from tests.support.process import Segued
from tests.support.wire import Wire

SMALL = 10_000
LARGE = 1_000_000
ROUNDS = 200
WARM_UP = 10


class Corpus(NamedTuple):
    """A database, and a connection to the daemon that serves it."""

    messages: int
    segued: Segued
    wire: Wire
    language: Language

    @property
    def sessions(self) -> int:
        return self.messages // MESSAGES_PER_SESSION


Ask = Callable[[Corpus, random.Random], dict[str, Any]]


def common(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": corpus.language.words[choice.randrange(50)]}


def rare(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": corpus.language.words[choice.randrange(10_000, 60_000)]}


def three(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": " ".join(corpus.language.words[choice.randrange(5, 500)] for _ in range(3))}


def phrase(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": '"' + " ".join(corpus.language.words[choice.randrange(100)] for _ in range(2)) + '"'}


def prefix(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": corpus.language.words[choice.randrange(1000, 60_000)][:4] + "*"}


def any_word(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    words = [corpus.language.words[choice.randrange(bound)] for bound in (20, 50, 100, 1000, 5000, 60_000)]
    return {"query": " ".join(words), "match": "any"}


def han(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": "".join(chr(0x4E00 + 7 * choice.randrange(100)) for _ in range(2))}


def in_directory(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {**common(corpus, choice), "working_dir": directory(choice.randrange(corpus.sessions))}


def in_session(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {**common(corpus, choice), "session_id": session_id(choice.randrange(corpus.sessions))}


def of_role(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {**common(corpus, choice), "role": "user"}


def since(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {**common(corpus, choice), "since": f"2026-{choice.randrange(1, 12):02}-15T12:00:00.000Z"}


def newest(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"limit": 20}


def resolve(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"working_dir": directory(choice.randrange(corpus.sessions))}


def append(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    session = session_id(choice.randrange(corpus.sessions))
    return {"session_id": session, "role": "user", "content": corpus.language.text()}


MEASURED: list[tuple[str, str, Ask]] = [
    ("search: a common word", "message.search", common),
    ("search: a rare word", "message.search", rare),
    ("search: three words", "message.search", three),
    ("search: a phrase", "message.search", phrase),
    ("search: a prefix", "message.search", prefix),
    ("search: two CJK characters", "message.search", han),
    ("search: any of six words", "message.search", any_word),
    ("search: in a directory", "message.search", in_directory),
    ("search: in a session", "message.search", in_session),
    ("search: of a role", "message.search", of_role),
    ("search: since a time", "message.search", since),
    ("list: the newest 20", "session.list", newest),
    ("resolve", "session.resolve", resolve),
    ("append", "message.append", append),
]


def open_corpus(folder: Path, messages: int) -> Corpus:
    """Create the database and serve it."""
    segued = Segued(folder)
    segued.config.parent.mkdir(parents=True)
    segued.config.write_text("[session]\nretention_days = 0\n")
    begun = time.perf_counter()
    language = fill(segued.database, messages)
    seconds, size = time.perf_counter() - begun, segued.database.stat().st_size / messages
    connection = sqlite3.connect(segued.database)
    index = connection.execute("SELECT sum(length(block)) FROM message_words_data").fetchone()[0] / messages
    connection.close()
    print(f"{messages} messages: made in {seconds:.0f} s, {size:.0f} bytes each, {index:.0f} in the index", flush=True)
    segued.start()
    return Corpus(messages, segued, segued.connect(), language)


def measure(corpora: list[Corpus], method: str, ask: Ask) -> list[list[float]]:
    """Return the milliseconds of each round for each corpus, sorted.

    The corpora take turns, because other work on the machine must affect both equally.
    """
    taken: list[list[float]] = [[] for _ in corpora]
    choices = [random.Random(SEED) for _ in corpora]
    for _ in range(WARM_UP + ROUNDS):
        for corpus, choice, times in zip(corpora, choices, taken, strict=True):
            params = ask(corpus, choice)
            begun = time.perf_counter()
            corpus.wire.post(method, **params)
            line = corpus.wire.line()
            times.append((time.perf_counter() - begun) * 1000)
            assert line is not None
            assert b'"result"' in line[:40], line
    return [sorted(times[WARM_UP:]) for times in taken]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=LARGE)
    with tempfile.TemporaryDirectory() as folder:
        corpora = [open_corpus(Path(folder, str(size)), size) for size in (SMALL, parser.parse_args().messages)]
        titles = [f"{corpus.messages} p50    p99" for corpus in corpora]
        print(f"{'ms':28}" + "".join(f"{title:>24}" for title in titles))
        for title, method, ask in MEASURED:
            cells = [
                f"{times[ROUNDS // 2]:.2f} {times[ROUNDS * 99 // 100]:8.2f}" for times in measure(corpora, method, ask)
            ]
            print(f"{title:28}" + "".join(f"{cell:>24}" for cell in cells), flush=True)
        for corpus in corpora:
            corpus.wire.close()
            corpus.segued.stop()


if __name__ == "__main__":
    main()
