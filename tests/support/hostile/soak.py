"""Clients that call random methods, each with a model of its own sessions."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from segue.errors import NotFound
from tests.support.process import Segued
from tests.support.wire import Wire

SESSIONS = 6
"""Sessions of each client. With more, it deletes the oldest."""


class Soaker:
    """A client with its own random generator. `held` and `deleted` follow its answered writes."""

    def __init__(self, seed: str, number: int, segued: Segued) -> None:
        self.rng = random.Random(f"{seed} {number}")
        self.directory = f"/soak/{number}"
        self.held: dict[str, list[int]] = {}
        """The message IDs of each session, in order."""
        self.deleted: list[str] = []
        self.seconds: list[float] = []
        """The time of each append."""
        self.writes = 0
        self.failure: BaseException | None = None
        self._segued = segued
        self._number = number
        self._created = 0

    def run(self, end: float) -> None:
        """Run until END, on one connection after the other, and keep a failure."""
        try:
            while time.monotonic() < end:
                with Wire(self._segued.socket) as wire:
                    self._visit(wire, end)
        except BaseException as failure:  # noqa: BLE001 - the test raises it
            self.failure = failure

    def check(self, wire: Wire) -> None:
        """Fail unless every answered message is stored in order and no deleted session is."""
        for session, ids in self.held.items():
            page = wire.call("message.list", session_id=session, limit=10_000)
            assert [message["id"] for message in page["messages"]] == ids
            assert not page["has_more"]
        for session in self.deleted:
            with suppress(NotFound):
                wire.call("session.get", session_id=session)
                raise AssertionError(f"{session} was deleted")

    def _visit(self, wire: Wire, end: float) -> None:
        steps: list[Callable[[Wire], None]] = [
            *[self._append] * 8,
            self._append_many,
            self._list,
            self._search,
            self._resolve,
            self._subscribe,
            self._fork,
            self._shorten,
            self._attach,
        ]
        for _ in range(self.rng.randrange(1, 200)):
            if time.monotonic() > end:
                return
            self.rng.choice(steps)(wire)
        if self.rng.random() < 0.5:  # disconnect within a request
            wire.send(b'{"jsonrpc":"2.0","id":1,"method":"session.li')

    def _session(self, wire: Wire) -> str:
        """Return one of its sessions; sometimes a new one, and then delete the oldest."""
        if not self.held or self.rng.random() < 0.02:
            self._created += 1
            name = f"soak-{self._number}-{self._created}"
            wire.call("session.create", id=name, working_dir=self.directory)
            self._record(name, [])
            if len(self.held) > SESSIONS:
                self._delete(wire, next(iter(self.held)))
        return self.rng.choice(list(self.held))

    def _record(self, session: str, ids: list[int]) -> None:
        self.held.setdefault(session, []).extend(ids)
        self.writes += 1

    def _text(self) -> str:
        return " ".join(
            self.rng.choices(("sort", "dict", "value", "key", "Grüße", "你好"), k=self.rng.randrange(1, 200))
        )

    def _append(self, wire: Wire) -> None:
        session = self._session(wire)
        start = time.perf_counter()
        stored = wire.call("message.append", session_id=session, role="user", content=self._text())
        self.seconds.append(time.perf_counter() - start)
        self._record(session, [stored["message_id"]])

    def _append_many(self, wire: Wire) -> None:
        session = self._session(wire)
        rows = [{"role": "assistant", "content": self._text()} for _ in range(self.rng.randrange(1, 20))]
        self._record(session, wire.call("message.append_many", session_id=session, messages=rows)["message_ids"])

    def _list(self, wire: Wire) -> None:
        assert wire.call("session.list", working_dir=self.directory)["total"] == len(self.held)

    def _search(self, wire: Wire) -> None:
        wire.call("message.search", query="sort dict", session_id=self._session(wire))

    def _resolve(self, wire: Wire) -> None:
        found = wire.call("session.resolve", working_dir=self.directory, create=False)["session"]
        assert (found is None) == (not self.held)
        assert found is None or found["id"] in self.held

    def _subscribe(self, wire: Wire) -> None:
        session = self._session(wire)
        made = wire.call("events.subscribe", session_id=session)
        self._append(wire)
        assert wire.call("events.unsubscribe", subscription_id=made["subscription_id"]) == {"removed": True}
        wire.events.clear()

    def _fork(self, wire: Wire) -> None:
        origin = self._session(wire)
        made = wire.call("session.fork", session_id=origin)["id"]
        copies: list[Any] = wire.call("message.list", session_id=made, limit=10_000)["messages"]
        assert len(copies) == len(self.held[origin])
        self._delete(wire, origin)
        self._record(made, [message["id"] for message in copies])

    def _shorten(self, wire: Wire) -> None:
        """Delete old messages, because a fork copies all."""
        session = self._session(wire)
        keep = self.held[session][-50:]
        if keep:
            wire.call("message.delete_before", session_id=session, before_id=keep[0])
            self.held[session] = keep
            self.writes += 1

    def _attach(self, wire: Wire) -> None:
        wire.call("session.attach", session_id=self._session(wire))

    def _delete(self, wire: Wire, session: str) -> None:
        assert wire.call("session.delete", session_id=session) == {"deleted": True}
        del self.held[session]
        self.deleted.append(session)
        self.writes += 1
