"""What the wire contract says, as plain dictionaries in memory: the world, bots and sessions.

Written from the contract and not from the store: no SQL, no indexes, no counters kept beside what they count.
Each method is a function of the world and the request's parameters that returns the result or raises
`Refused`. Messages, summaries and contexts are in `model_messages`, memories and extractions in
`model_memories`.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]

CONTINUITY_MS = 4 * 3_600_000
RETENTION_MS = 30 * 86_400_000
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


def stamp(ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"


def milliseconds(at: str) -> int:
    return (datetime.fromisoformat(at[:-1]) - EPOCH) // timedelta(milliseconds=1)


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


# Bots


def bot_create(world: World, *, bot_id: str, name: str | None = None, description: str | None = None) -> Row:
    if bot_id in world.bots:
        raise Refused("conflict", reason="exists")
    world.bots[bot_id] = {"id": bot_id, "name": name or bot_id, "description": description, "created_at": world.at}
    return world.bots[bot_id]


def bot_get(world: World, *, bot_id: str) -> Row:
    return find_bot(world, bot_id)


def bot_list(world: World, *, limit: int = 100, offset: int = 0) -> Row:
    return {"bots": list(world.bots.values())[offset : offset + limit], "total": len(world.bots)}


def bot_delete(world: World, *, bot_id: str) -> Row:
    if bot_id == "default":
        raise Refused("conflict", reason="default_bot")
    sessions = [id for id, session in world.sessions.items() if session["bot_id"] == bot_id]
    for id in sessions:
        session_delete(world, session_id=id)
    kept = [memory for memory in world.memories if memory["bot_id"] != bot_id]
    memories, world.memories = len(world.memories) - len(kept), kept
    deleted = world.bots.pop(bot_id, None) is not None
    return {"deleted": deleted, "sessions_deleted": len(sessions), "memories_deleted": memories}


# Sessions


def session_create(world: World, *, id: str | None = None, bot_id: str = "default", **given: Any) -> Row:
    find_bot(world, bot_id)
    if id in world.sessions:
        raise Refused("conflict", reason="exists")
    id = id or _free_id(world)
    world.sessions[id] = {
        "id": id, "bot_id": bot_id, "working_dir": None, "name": None, "provider": None, "model": None,
        "system_prompt": None, "status": "active", "pinned": False, "metadata": {}, "created_at": world.at,
        "updated_at": world.at, "last_message_at": world.at, "ended_at": None, "message_count": 0,
        "input_tokens": 0, "output_tokens": 0, **given,
    }  # fmt: skip
    world.used[id] = world.number("use")
    return world.sessions[id]


def _free_id(world: World) -> str:
    number = world.now % 1000
    while True:
        id = f"{world.at[:10]}-{world.at[11:13]}{world.at[14:16]}-{number:03d}"
        if id not in world.sessions and id not in world.gone:
            return id
        number += 1


def session_get(world: World, *, session_id: str) -> Row:
    return find_session(world, session_id)


def session_resolve(
    world: World, *, working_dir: str, bot_id: str = "default", create: bool = True, **fresh: Any
) -> Row:
    find_bot(world, bot_id)
    there = [one for one in world.sessions.values() if (one["working_dir"], one["bot_id"]) == (working_dir, bot_id)]
    there.sort(key=lambda one: world.used[one["id"]])
    open_ones = [one for one in there if one["status"] != "completed"]
    if open_ones and _idle_ms(world, open_ones[-1]) < CONTINUITY_MS:
        session = open_ones[-1]
        idle = _idle_ms(world, session) // 1000
        if session["status"] == "crashed":
            session.update(status="active", ended_at=None, updated_at=world.at)
        return {"session": session, "resumed": True, "reason": "recent", "idle_seconds": idle, "previous": None}
    newest = there[-1] if there else None
    made = session_create(world, working_dir=working_dir, bot_id=bot_id, **fresh) if create else None
    if newest is None:
        return {"session": made, "resumed": False, "reason": "none", "idle_seconds": None, "previous": None}
    reason = "ended" if newest["status"] == "completed" else "expired"
    idle = _idle_ms(world, newest) // 1000
    return {"session": made, "resumed": False, "reason": reason, "idle_seconds": idle, "previous": newest["id"]}


def _idle_ms(world: World, session: Row) -> int:
    return max(0, world.now - milliseconds(session["last_message_at"]))


def session_list(
    world: World,
    *,
    order_by: str = "last_message_at",
    limit: int = 20,
    offset: int = 0,
    preview_chars: int = 100,
    id_prefix: str = "",
    name_contains: str = "",
    **equal: Any,
) -> Row:
    found = [
        session
        for session in world.sessions.values()
        if all(session[member] == wanted for member, wanted in equal.items())
        and session["id"].startswith(id_prefix)
        and name_contains.casefold() in (session["name"] or "").casefold()
    ]
    found.sort(key=lambda session: (session[order_by], world.used[session["id"]]), reverse=True)
    page = [_summary(world, session, preview_chars) for session in found[offset : offset + limit]]
    return {"sessions": page, "total": len(found)}


def _summary(world: World, session: Row, preview_chars: int) -> Row:
    held = messages_of(world, session["id"])
    first = [one for one in held if one["role"] == "user"] or [one for one in held if not one["is_summary"]] or held
    shown = {member: value for member, value in session.items() if member not in ("system_prompt", "metadata")}
    return {**shown, "preview": first[0]["content"][:preview_chars] if first else None}


def session_update(world: World, *, session_id: str, **changes: Any) -> Row:
    session = find_session(world, session_id)
    if changes:
        session.update(changes, updated_at=world.at)
        session["metadata"] = session["metadata"] or {}
    return session


def session_touch(world: World, *, session_id: str) -> Row:
    session = find_session(world, session_id)
    session.update(last_message_at=world.at, updated_at=world.at)
    world.used[session_id] = world.number("use")
    return session


def session_resume(world: World, *, session_id: str, **home: Any) -> Row:
    find_session(world, session_id).update(status="active", ended_at=None, **home)
    return session_touch(world, session_id=session_id)


def session_end(world: World, *, session_id: str, status: str = "completed") -> Row:
    session = find_session(world, session_id)
    session.update(status=status, ended_at=session["ended_at"] or world.at, updated_at=world.at)
    session_detach(world, session_id=session_id)
    return session


def session_attach(world: World, *, session_id: str) -> Row:
    session = find_session(world, session_id)
    world.attached.setdefault(session_id, set()).add(world.client)
    return session


def session_detach(world: World, *, session_id: str) -> Row:
    find_session(world, session_id)
    world.attached.get(session_id, set()).discard(world.client)
    return {}


def vanish(world: World, client: int) -> None:
    """That client's connection closed."""
    for id, clients in world.attached.items():
        if client in clients:
            clients.discard(client)
            if not clients and world.sessions[id]["status"] == "active":
                world.sessions[id].update(status="crashed", ended_at=world.at, updated_at=world.at)


def leave(world: World) -> None:
    """The daemon went in good order."""
    world.attached.clear()


def session_delete(world: World, *, session_id: str) -> Row:
    if session_id not in world.sessions:
        return {"deleted": False}
    del world.sessions[session_id]
    world.gone.add(session_id)
    world.attached.pop(session_id, None)
    for name in ("messages", "summaries", "extractions"):
        setattr(world, name, [row for row in getattr(world, name) if row["session_id"] != session_id])
    return {"deleted": True}


def session_cleanup(world: World, *, dry_run: bool = False) -> Row:
    spared = [id for id, session in world.sessions.items() if session["pinned"] or world.attached.get(id)]
    queue = [id for id in world.sessions if id not in spared]
    queue.sort(key=lambda one: (world.sessions[one]["last_message_at"], world.used[one]))
    old = [id for id in queue if world.now - milliseconds(world.sessions[id]["last_message_at"]) > RETENTION_MS]
    rest = [id for id in queue if id not in old]
    many = rest[: max(0, len(rest) - MAX_SESSIONS)]
    for id in [] if dry_run else old + many:
        session_delete(world, session_id=id)
    counts = {"sessions_deleted": len(old + many), "by_retention": len(old), "by_max_sessions": len(many)}
    return {**counts, "session_ids": old + many}
