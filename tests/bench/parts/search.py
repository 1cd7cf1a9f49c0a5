"""Searches in a large archive beside a small one: `python -m tests.bench.parts.search [--messages N] [--folder DIR]`.

The script creates both databases (a million messages: some minutes and 0.8 GB) and serves each by a segued. It sends
the same requests to both in turns and prints milliseconds: elapsed, and of the daemon's CPU, which other work on the
machine changes less. With --folder it keeps the databases there and uses them again.
"""

import argparse
import pickle
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.corpus import MESSAGES_PER_SESSION, SEED, Language, directory, fill, session_id
from tests.bench.turns import stopped
from tests.bench.usage import cpu_seconds
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


def most_frequent(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": corpus.language.words[0]}


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


def any_frequent(corpus: Corpus, choice: random.Random) -> dict[str, Any]:
    return {"query": " ".join(corpus.language.words[:12]), "match": "any"}


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
    ("search: the most frequent word", "message.search", most_frequent),
    ("search: a rare word", "message.search", rare),
    ("search: three words", "message.search", three),
    ("search: a phrase", "message.search", phrase),
    ("search: a prefix", "message.search", prefix),
    ("search: two CJK characters", "message.search", han),
    ("search: any of six words", "message.search", any_word),
    ("search: any of 12 frequent words", "message.search", any_frequent),
    ("search: in a directory", "message.search", in_directory),
    ("search: in a session", "message.search", in_session),
    ("search: of a role", "message.search", of_role),
    ("search: since a time", "message.search", since),
    ("list: the newest 20", "session.list", newest),
    ("resolve", "session.resolve", resolve),
    ("append", "message.append", append),
]


def open_corpus(folder: Path, messages: int) -> Corpus:
    """Create the database unless the folder has it, and serve it."""
    segued = Segued(folder)
    kept = folder / "language"
    if not kept.exists():
        segued.config.parent.mkdir(parents=True)
        segued.config.write_text("[session]\nretention_days = 0\n")
        kept.write_bytes(pickle.dumps(fill(segued.database, messages)))
    language: Language = pickle.loads(kept.read_bytes())
    size = segued.database.stat().st_size / messages
    connection = sqlite3.connect(segued.database)
    index = connection.execute("SELECT sum(length(block)) FROM message_words_data").fetchone()[0] / messages
    connection.close()
    print(f"{messages} messages: {size:.0f} bytes each, {index:.0f} in the index", flush=True)
    segued.start()
    return Corpus(messages, segued, segued.connect(), language)


class Times(NamedTuple):
    """The milliseconds of requests: sorted, and of CPU on average."""

    elapsed: list[float]
    cpu: float

    def __str__(self) -> str:
        count = len(self.elapsed)
        return f"{self.elapsed[count // 2]:.2f} {self.elapsed[count * 99 // 100]:8.2f} {self.cpu:8.2f}"


def measure(corpora: list[Corpus], method: str, ask: Ask, rounds: int) -> list[Times]:
    """Return the times for each corpus.

    The corpora take turns, because other work on the machine must affect both equally. The other daemon is stopped.
    """
    taken: list[list[float]] = [[] for _ in corpora]
    cpu = [0.0 for _ in corpora]
    choices = [random.Random(SEED) for _ in corpora]
    pids = [corpus.segued.pid for corpus in corpora]
    for round in range(WARM_UP + rounds):
        for at, corpus in enumerate(corpora):
            params = ask(corpus, choices[at])
            with stopped([pid for pid in pids if pid != pids[at]]):
                before, begun = cpu_seconds(pids[at]) or 0, time.perf_counter()
                corpus.wire.post(method, **params)
                line = corpus.wire.line()
                elapsed, used = time.perf_counter() - begun, (cpu_seconds(pids[at]) or 0) - before
            if round >= WARM_UP:
                taken[at].append(elapsed * 1000)
                cpu[at] += used * 1000
            assert line is not None
            assert b'"result"' in line[:40], line
    return [Times(sorted(times), used / rounds) for times, used in zip(taken, cpu, strict=True)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=LARGE)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = given.folder or Path(temporary)
        corpora = [open_corpus(folder / str(size), size) for size in (SMALL, given.messages)]
        for corpus in corpora:
            stack.callback(corpus.segued.stop)
            stack.callback(corpus.wire.close)
        titles = [f"{corpus.messages} p50    p99     cpu" for corpus in corpora]
        print(f"{'ms':32}" + "".join(f"{title:>30}" for title in titles))
        for title, method, ask in MEASURED:
            cells = map(str, measure(corpora, method, ask, given.rounds))
            print(f"{title:32}" + "".join(f"{cell:>30}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
