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
TERMINAL_REFRESH_MS = 60_000
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


def session_create(
    world: World,
    *,
    id: str | None = None,
    bot_id: str = "default",
    created_at: str | None = None,
    tags: Iterable[str] = (),
    **given: Any,
) -> Row:
    find_bot(world, bot_id)
    check_created_at(world, created_at, "$.created_at")
    if id in world.sessions:
        raise Refused("conflict", reason="exists")
    id = id or _free_id(world)
    if given.get("parent_id") is not None:
        find_session(world, given["parent_id"])
    begin = created_at or world.at
    world.sessions[id] = {
        "id": id, "bot_id": bot_id, "working_dir": None, "name": None, "provider": None, "model": None,
        "system_prompt": None, "status": "active", "pinned": False, "metadata": {}, "created_at": begin,
        "updated_at": world.at, "last_message_at": begin, "ended_at": None, "message_count": 0,
        "input_tokens": 0, "output_tokens": 0, "project": None, "tags": sorted(set(tags)), "archived": False,
        "parent_id": None, "source": None, "retention_days": None, **given,
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
    world: World,
    *,
    working_dir: str,
    bot_id: str = "default",
    create: bool = True,
    project: str | None = None,
    scope: str = "directory",
    terminal: str | None = None,
    writes: bool = False,
    **fresh: Any,
) -> Row:
    """`writes`: the terminal is noted in any case, as an append does."""
    find_bot(world, bot_id)
    place = sessions_of_place(world, working_dir, bot_id, project, scope)
    there = sorted((one for one in place if not one["archived"]), key=lambda one: world.used[one["id"]])
    free = [one for one in there if terminal is None or not _is_held(world, one["id"], terminal)]
    own = [one for one in there if world.terminals.get(one["id"], ("", 0))[0] == terminal]
    for candidates in (own, free):
        unended = [one for one in candidates if one["status"] != "completed"]
        if unended and _idle_ms(world, unended[-1]) < CONTINUITY_MS:
            return _resumed(world, unended[-1], there, terminal, writes)
    newest = free[-1] if free else None
    made = None
    if create:
        made = session_create(world, working_dir=working_dir, bot_id=bot_id, project=project, **fresh)
        _note_terminal(world, made["id"], terminal)
    reason = "none" if newest is None else "ended" if newest["status"] == "completed" else "expired"
    return {
        "session": made, "resumed": False, "reason": reason, "others": _count_others(world, there, made, terminal),
        "idle_seconds": _idle_ms(world, newest) // 1000 if newest else None,
        "previous": newest["id"] if newest else None,
    }  # fmt: skip


def sessions_of_place(world: World, working_dir: str, bot_id: str, project: str | None, scope: str) -> list[Row]:
    member, value = ("project", project) if scope == "project" and project is not None else ("working_dir", working_dir)
    return [one for one in world.sessions.values() if (one[member], one["bot_id"]) == (value, bot_id)]


def _resumed(world: World, session: Row, there: list[Row], terminal: str | None, writes: bool) -> Row:
    idle = _idle_ms(world, session) // 1000
    name, at = world.terminals.get(session["id"], (None, 0))
    if writes or session["status"] != "active" or name != terminal or at <= world.now - TERMINAL_REFRESH_MS:
        _note_terminal(world, session["id"], terminal)
    if session["status"] == "crashed":
        session.update(status="active", ended_at=None)
        changed(world, session)
    others = _count_others(world, there, session, terminal)
    return {
        "session": session, "resumed": True, "reason": "recent", "idle_seconds": idle, "previous": None,
        "others": others,
    }  # fmt: skip


def _note_terminal(world: World, session_id: str, terminal: str | None) -> None:
    if terminal is not None:
        world.terminals[session_id] = (terminal, world.now)


def _is_held(world: World, session_id: str, terminal: str | None) -> bool:
    name, at = world.terminals.get(session_id, (terminal, 0))
    return name != terminal and world.now - at < CONTINUITY_MS


def _count_others(world: World, there: list[Row], session: Row | None, terminal: str | None) -> int:
    active = [one for one in there if one["status"] == "active" and one is not session]
    return len([one for one in active if _is_held(world, one["id"], terminal)])


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
    archived: bool | None = False,
    source: str | None = None,
    tags: Iterable[str] = (),
    metadata: Row | None = None,
    with_metadata: bool = False,
    **equal: Any,
) -> Row:
    found = [
        session
        for session in world.sessions.values()
        if all(session[member] == wanted for member, wanted in equal.items())
        and session["id"].startswith(id_prefix)
        and name_contains.casefold() in (session["name"] or "").casefold()
        and archived in (None, session["archived"])
        and source in (None, "")
        and set(tags) <= set(session["tags"])
        and (metadata or {}).items() <= session["metadata"].items()
    ]
    found.sort(key=lambda session: (min(session[order_by], world.at), world.used[session["id"]]), reverse=True)
    page = [_summary(world, session, preview_chars) for session in found[offset : offset + limit]]
    for summary in page if with_metadata else []:
        summary["metadata"] = world.sessions[summary["id"]]["metadata"]
    return {
        "sessions": page, "total": len(found), "next_cursor": SomeText() if len(found) > offset + limit else None
    }  # fmt: skip


def _summary(world: World, session: Row, preview_chars: int) -> Row:
    held = messages_of(world, session["id"])
    first = [one for one in held if one["role"] == "user"] or [one for one in held if not one["is_summary"]] or held
    shown = {member: value for member, value in session.items() if member not in ("system_prompt", "metadata")}
    texts = [str(world.begun.get(one["id"], one["content"])) for one in first[:1]]
    return {**shown, "preview": texts[0][:preview_chars] if texts else None}


def session_update(
    world: World,
    *,
    session_id: str,
    metadata_merge: Row | None = None,
    expected_updated_at: str | None = None,
    **changes: Any,
) -> Row:
    if metadata_merge is not None and "metadata" in changes:
        raise Refused("invalid_params", path="$.metadata_merge")
    session = find_session(world, session_id)
    if expected_updated_at not in (None, session["updated_at"]):
        raise Refused("conflict", reason="updated_at", updated_at=session["updated_at"])
    if metadata_merge is not None:
        changes["metadata"] = merged(session["metadata"], metadata_merge)
    if changes.get("parent_id") is not None:
        find_session(world, changes["parent_id"])
    if changes:
        session.update(changes, updated_at=later(world, session["updated_at"]))
        session["metadata"] = session["metadata"] or {}
        session["tags"] = sorted(set(session["tags"] or []))
    return session


def merged(target: Any, patch: Any) -> Any:
    """Return the result of a merge patch, as RFC 7396 writes it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def session_touch(world: World, *, session_id: str) -> Row:
    session = find_session(world, session_id)
    session["last_message_at"] = max(session["last_message_at"], world.at)
    changed(world, session)
    world.used[session_id] = world.number("use")
    return session


def session_resume(world: World, *, session_id: str, **home: Any) -> Row:
    find_session(world, session_id).update(status="active", ended_at=None, archived=False, **home)
    return session_touch(world, session_id=session_id)


def session_end(world: World, *, session_id: str, status: str = "completed") -> Row:
    session = find_session(world, session_id)
    session.update(status=status, ended_at=session["ended_at"] or world.at)
    changed(world, session)
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
                world.sessions[id].update(status="crashed", ended_at=world.at)
                changed(world, world.sessions[id])


def leave(world: World) -> None:
    """The daemon went in good order."""
    world.attached.clear()


def session_delete(world: World, *, session_id: str) -> Row:
    if session_id not in world.sessions:
        return {"deleted": False}
    del world.sessions[session_id]
    world.gone.add(session_id)
    world.attached.pop(session_id, None)
    world.terminals.pop(session_id, None)
    world.replacements = {key: result for key, result in world.replacements.items() if key[0] != session_id}
    for name in ("messages", "summaries", "extractions"):
        setattr(world, name, [row for row in getattr(world, name) if row["session_id"] != session_id])
    return {"deleted": True}


def session_cleanup(world: World, *, dry_run: bool = False, within_days: int = 0) -> Row:
    if within_days and not dry_run:
        raise Refused("invalid_params", path="$.within_days")
    queue = [id for id, one in world.sessions.items() if not (one["pinned"] or world.attached.get(id))]
    queue = [id for id in queue if world.sessions[id]["retention_days"] != 0]
    queue.sort(key=lambda one: (world.sessions[one]["last_message_at"], world.used[one]))
    old = [id for id in queue if _is_expired(world, world.sessions[id], within_days)]
    rest = [id for id in queue if id not in old]
    many = rest[: max(0, len(rest) - MAX_SESSIONS)]
    for id in [] if dry_run else old + many:
        session_delete(world, session_id=id)
    counts = {"sessions_deleted": len(old + many), "by_retention": len(old), "by_max_sessions": len(many)}
    return {**counts, "session_ids": old + many}


def _is_expired(world: World, session: Row, within_days: int) -> bool:
    days = session["retention_days"]
    retention = RETENTION_MS if days is None else days * 86_400_000
    return world.now + within_days * 86_400_000 - milliseconds(session["last_message_at"]) > retention
