"""What the wire contract says, as plain dictionaries in memory: the world, what happens to it, and how it is searched.

Written from the contract and not from the store: no SQL, no indexes, no counters kept beside what they count.
Each method is a function of the world and the request's parameters that returns the result or raises
`Refused`. The methods are in the other modules of this folder; `memories.METHODS` lists them.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]

MAX_SESSIONS = 12
"""The daemon under test is given the same."""

EPOCH = datetime(1970, 1, 1)


class Refused(Exception):
    """The request is answered with an error of that kind and data, and nothing has changed."""

    def __init__(self, kind: str, **data: Any) -> None:
        super().__init__(kind, data)
        self.kind = kind
        self.data = data


@dataclass
class World:
    """Everything there is, as the contract's own values."""

    now: int
    bots: dict[str, Row]
    client: int = 0
    """Who asks."""
    sessions: dict[str, Row] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)
    """When each session was last made, appended to, touched or resumed: a count of such moments."""
    gone: set[str] = field(default_factory=set)
    attached: dict[str, set[int]] = field(default_factory=dict)
    messages: list[Row] = field(default_factory=list)
    resumed: set[int] = field(default_factory=set)
    """Messages whose append continued a directory's session."""
    summaries: list[Row] = field(default_factory=list)
    memories: list[Row] = field(default_factory=list)
    extractions: list[Row] = field(default_factory=list)
    terminals: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The terminal that last used a session, and when."""
    replacements: dict[tuple[str, str], Row] = field(default_factory=dict)
    """The results of message.replace by session and key."""
    streams: dict[int, int] = field(default_factory=dict)
    """The client that streams a message, by the message's id."""
    begun: dict[int, str] = field(default_factory=dict)
    """The content with which a stream began; a session's name may come from it."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The last number given to each kind of thing; the contract only says that they grow."""

    @property
    def at(self) -> str:
        return stamp(self.now)

    def number(self, kind: str) -> int:
        self.numbers[kind] = self.numbers.get(kind, 0) + 1
        return self.numbers[kind]

    def undo(self, before: "World") -> None:
        vars(self).update(vars(before))

    def copied(self) -> "World":
        return copy.deepcopy(self)


class SomeText:
    """Equal to any text that is not empty, because the contract leaves the value open."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and bool(other)

    __hash__ = None  # type: ignore[assignment]


def stamp(ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"


def milliseconds(at: str) -> int:
    return (datetime.fromisoformat(at[:-1]) - EPOCH) // timedelta(milliseconds=1)


def changed(world: World, session: Row) -> None:
    """Note a change of the session; its time never goes back."""
    session["updated_at"] = max(session["updated_at"], world.at)


def later(world: World, before: str | None) -> str:
    """Return a time that differs from the one of the change before."""
    return world.at if before is None or before < world.at else stamp(milliseconds(before) + 1)


def check_created_at(world: World, at: str | None, path: str) -> None:
    if at is not None and at > stamp(world.now + 86_400_000):
        raise Refused("invalid_params", path=path)


def find(rows: Iterable[Row], what: str, id: int) -> Row:
    for row in rows:
        if row["id"] == id:
            return row
    raise Refused("not_found", what=what, id=id)


def find_session(world: World, id: str) -> Row:
    if id not in world.sessions:
        raise Refused("not_found", what="session", id=id)
    return world.sessions[id]


def find_bot(world: World, id: str) -> Row:
    if id not in world.bots:
        raise Refused("not_found", what="bot", id=id)
    return world.bots[id]


def messages_of(world: World, session_id: str) -> list[Row]:
    return [message for message in world.messages if message["session_id"] == session_id]


def vanish(world: World, client: int) -> None:
    """Close that client's connection."""
    for id, clients in world.attached.items():
        if client in clients:
            clients.discard(client)
            if not clients and world.sessions[id]["status"] == "active":
                world.sessions[id].update(status="crashed", ended_at=world.at)
                changed(world, world.sessions[id])


def leave(world: World) -> None:
    """Exit cleanly, as a daemon does."""
    world.attached.clear()
