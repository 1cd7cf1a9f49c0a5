"""A person who works on one machine of several while everything around breaks, and remembers what was answered."""

import threading
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from segue.errors import Conflict, InvalidParams, NotFound
from tests.support.process import Segued
from tests.support.wire import Wire

PAUSE_SECONDS = 0.1
"""Seconds: the longest pause between two requests."""

LOOK_EVERY = 20
"""Requests after which the person looks at the list of sessions again."""


class Said:
    """What all persons said and what was answered. Words are unique; a session is named by a number in its metadata."""

    def __init__(self) -> None:
        self.answered: dict[str, str] = {}
        """The session of each word whose storing was answered."""
        self.doubtful: set[str] = set()
        """Words that may be gone, because a change or a deletion of them was sent."""
        self.deleted: set[str] = set()
        """Words whose deletion was answered."""
        self.ended: set[str] = set()
        """Sessions whose deletion was sent."""

    def expected(self) -> set[str]:
        """Return the words that must be there."""
        return {word for word, number in self.answered.items() if number not in self.ended} - self.doubtful


class Person:
    """Works with one daemon until stopped; a daemon that is away is tried again."""

    def __init__(self, name: str, segued: Segued, said: Said, seed: int) -> None:
        self.requests = 0
        self.error: BaseException | None = None
        self._name = name
        self._segued = segued
        self._said = said
        self._random = Random(seed)
        self._stop = threading.Event()
        self._made = 0
        self._numbers: dict[str, str] = {}
        """The number of each session, by its id here."""
        self._words: dict[int, str] = {}
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Return when the last request is over. Raise what went wrong."""
        self._stop.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.wait(PAUSE_SECONDS):
                try:
                    with Wire(self._segued.socket) as wire:
                        self._work(wire)
                except (OSError, EOFError):
                    continue
        except BaseException as error:  # noqa: BLE001 - `stop` raises it in the thread of the test.
            self.error = error

    def _work(self, wire: Wire) -> None:
        while not self._stop.wait(self._random.random() * PAUSE_SECONDS):
            if self.requests % LOOK_EVERY == 0:
                self._look(wire)
            self.requests += 1
            action = self._random.choices([*ACTIONS], weights=[*ACTIONS.values()])[0]
            # Another machine may have deleted what the request names.
            with suppress(NotFound, Conflict, InvalidParams):
                action(self, wire)

    def _look(self, wire: Wire) -> None:
        found = wire.call("session.list", limit=60, archived=None)["sessions"]
        known = {one["id"] for one in found}
        self._numbers = {id: number for id, number in self._numbers.items() if id in known}
        for id in known - self._numbers.keys():
            # The record of a session may come after it, so a session without a number is not used. Another machine may
            # have deleted it after the list.
            with suppress(NotFound):
                if number := wire.call("session.get", session_id=id)["metadata"].get("number"):
                    self._numbers[id] = number
        if not self._numbers:
            self.create(wire)

    def _new(self) -> str:
        self._made += 1
        return f"{self._name}{self._made:06d}x"

    def _session(self) -> str:
        return self._random.choice([*self._numbers])

    def _message(self, wire: Wire) -> tuple[str, int, str]:
        """Return a session, and the id and the word of one of its newest messages, of any machine."""
        session = self._session()
        page = wire.call("message.list", session_id=session, limit=20, order="desc")["messages"]
        found = [one for one in page if one["state"] == "complete"] or page
        if not found:
            raise NotFound("message", "")
        message = self._random.choice(found)
        return session, message["id"], message["content"]

    def create(self, wire: Wire) -> None:
        """Create a session."""
        number = self._new()
        place = self._random.choice([str(self._segued.folder / "work"), "/srv/x", None])
        id = wire.call("session.create", metadata={"number": number}, working_dir=place)["id"]
        self._numbers[id] = number

    def append(self, wire: Wire) -> None:
        """Append a message."""
        session, word = self._session(), self._new()
        role = self._random.choice(["user", "assistant"])
        wire.call("message.append", session_id=session, role=role, content=word, input_tokens=3, key=word)
        self._said.answered[word] = self._numbers[session]

    def stream(self, wire: Wire) -> None:
        """Append a message in parts."""
        session, word = self._session(), self._new()
        id = wire.call("message.begin", session_id=session, role="assistant", content=word)["message_id"]
        wire.call("message.finish", message_id=id, output_tokens=2)
        self._said.answered[word] = self._numbers[session]

    def change_session(self, wire: Wire) -> None:
        """Change a field of a session."""
        changes: dict[str, Any] = self._random.choice(
            [{"name": self._new()}, {"pinned": True}, {"pinned": False}, {"tags": [self._name]}, {"archived": True}]
        )
        wire.call("session.update", session_id=self._session(), **changes)

    def end_or_resume(self, wire: Wire) -> None:
        """End a session, or resume one."""
        if self._random.random() < 0.5:
            wire.call("session.end", session_id=self._session(), status="completed")
        else:
            wire.call("session.resume", session_id=self._session())

    def change_message(self, wire: Wire) -> None:
        """Change a message in place. Of two changes on two machines, one wins."""
        session, id, word = self._message(wire)
        new = self._new()
        self._said.doubtful |= {word, new}
        wire.call("message.update", message_id=id, content=new)
        self._said.answered[new] = self._numbers[session]

    def delete_message(self, wire: Wire) -> None:
        """Delete a message."""
        session, id, word = self._message(wire)
        self._said.doubtful.add(word)
        if wire.call("message.delete", session_id=session, message_ids=[id])["deleted"]:
            self._said.deleted.add(word)

    def delete_session(self, wire: Wire) -> None:
        """Delete a session."""
        session = self._session()
        self._said.ended.add(self._numbers.pop(session))
        wire.call("session.delete", session_id=session)
        if not self._numbers:
            self.create(wire)

    def save_memory(self, wire: Wire) -> None:
        """Save a memory, which may replace another."""
        known = [one["id"] for one in wire.call("memory.list", bot_id="default", limit=5)["memories"]]
        supersedes = {"supersedes": self._random.choice(known)} if known and self._random.random() < 0.3 else {}
        wire.call("memory.save", bot_id="default", fact=self._new(), category="fact", importance=3, **supersedes)

    def delete_memory(self, wire: Wire) -> None:
        """Delete a memory."""
        for one in wire.call("memory.list", bot_id="default", limit=1)["memories"]:
            wire.call("memory.delete", memory_id=one["id"])

    def summarize(self, wire: Wire) -> None:
        """Save a summary of a session."""
        session, id, _ = self._message(wire)
        text = f"summary {self._new()}"
        wire.call("summary.save", session_id=session, summary=text, messages_start=id, messages_end=id, token_count=3)

    def change_bot(self, wire: Wire) -> None:
        """Create or delete a bot, without sessions."""
        if self._random.random() < 0.6:
            wire.call("bot.create", bot_id="ann", name=self._new())
        else:
            wire.call("bot.delete", bot_id="ann")


ACTIONS: dict[Callable[[Person, Wire], None], int] = {
    Person.append: 60, Person.stream: 5, Person.create: 4, Person.change_session: 8, Person.end_or_resume: 2,
    Person.change_message: 4, Person.delete_message: 3, Person.delete_session: 1, Person.save_memory: 4,
    Person.delete_memory: 1, Person.summarize: 2, Person.change_bot: 1,
}  # fmt: skip
