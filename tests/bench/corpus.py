"""A database like one after years of use: natural word frequencies, some long messages, some CJK text."""

import random
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import NamedTuple

import anyio

from segue.store.engine.tx import Tx
from segue.store.records.session_identity import name_from
from segue.store.search import index as indexing
from segue.store.stats import figures
from segue.store.store import open_store
from segue.timestamps import timestamp, wall_ms

SEED = 20261121
MESSAGES_PER_SESSION = 83
SESSIONS_PER_DIRECTORY = 10
VOCABULARY = 60_000
SPAN_MS = 3 * 365 * 86_400_000
BATCH = 20_000
CJK_SHARE = 0.03
HAN = [chr(0x4E00 + index * 7) for index in range(2500)]


class Made(NamedTuple):
    """A message to store."""

    session: int
    role: str
    content: str
    at: int


class Language:
    """A vocabulary by rank: the n-th word is about 1/n as frequent as the first."""

    def __init__(self, random: random.Random) -> None:
        self._random = random
        self.words = self._spell(VOCABULARY)
        self._weights = list(accumulate(1 / (rank + 2.7) ** 1.05 for rank in range(VOCABULARY)))
        self._han_weights = list(accumulate(1 / (rank + 20) for rank in range(len(HAN))))

    def text(self) -> str:
        """Return a text of 400 bytes on average, sometimes ten times that."""
        length = max(1, int(self._random.lognormvariate(3.7, 0.95)))
        if self._random.random() < CJK_SHARE:
            return "".join(self._random.choices(HAN, cum_weights=self._han_weights, k=length)) + "。"
        words = self._random.choices(self.words, cum_weights=self._weights, k=length)
        return " ".join(words).capitalize() + "."

    def _spell(self, count: int) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < count:
            syllables = self._random.randint(1, 2 + (len(found) > 300) + (len(found) > 5000))
            pairs = (self._random.choice("bcdfghklmnprstvw") + self._random.choice("aeiou") for _ in range(syllables))
            found["".join(pairs) + self._random.choice(["", "n", "s", "r", "t"])] = None
        return list(found)


def fill(path: Path, messages: int, per_session: int = MESSAGES_PER_SESSION, *, index: bool = True) -> Language:
    """Create the database with counters, index and statistics as the daemon maintains them; return its language."""
    language = Language(random.Random(SEED))
    anyio.run(_fill, path, _make(messages, per_session, language), index)
    return language


async def _fill(path: Path, made: Iterator[Made], index: bool) -> None:
    async with open_store(path, clock=wall_ms) as store:
        while batch := list(islice(made, BATCH)):
            await store.write(_store, batch)
        newest = await store.read(indexing.newest) if index else 0
        while index and await store.read(indexing.is_behind, newest):
            await store.write(indexing.step, newest)
        while index and await store.read(indexing.merge_is_due):
            await store.write(indexing.merge_step)
        while index and await store.read(figures.is_behind, newest):
            await store.write(figures.step, newest)


def _make(messages: int, per_session: int, language: Language) -> Iterator[Made]:
    """Yield messages in order of time; at any time a few sessions are in progress."""
    choice = random.Random(SEED + 1)
    end = wall_ms()
    for index in range(messages):
        session = max(0, index // per_session - choice.randrange(3))
        role = "user" if index % 2 == 0 else "assistant"
        yield Made(session, role, language.text(), end - SPAN_MS + SPAN_MS * (index + 1) // (messages + 1))


def _store(tx: Tx, made: list[Made]) -> None:
    for message in made:
        at = timestamp(message.at)
        tx.run(
            """
            INSERT INTO sessions (id, bot_id, working_dir, activity, created_at, updated_at, last_message_at,
                                  message_count)
            VALUES (:id, 'default', :dir, 1 + (SELECT coalesce(max(activity), 0) FROM sessions), :at, :at, :at, 1)
            ON CONFLICT (id) DO UPDATE
            SET message_count = message_count + 1, updated_at = :at, last_message_at = :at,
                name = coalesce(name, :name), activity = 1 + (SELECT max(activity) FROM sessions)
            """,
            id=session_id(message.session),
            dir=directory(message.session),
            name=name_from(message.content, message.at) if message.role == "user" else None,
            at=at,
        )
        tx.run(
            "INSERT INTO messages (session_id, role, created_at, content) VALUES (:session_id, :role, :at, :content)",
            session_id=session_id(message.session),
            role=message.role,
            at=at,
            content=message.content,
        )


def session_id(number: int) -> str:
    """Return the id of a session."""
    return f"session-{number:06}"


def directory(session: int) -> str:
    """Return the directory of a session: ten consecutive sessions share one, and later sessions return to it."""
    return f"/home/ada/project-{session // SESSIONS_PER_DIRECTORY % 300}"
