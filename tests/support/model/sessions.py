"""The plain model's bots and sessions."""

from collections.abc import Iterable
from typing import Any

from tests.support.model.world import (
    MAX_SESSIONS,
    Refused,
    Row,
    SomeText,
    World,
    changed,
    check_created_at,
    find_bot,
    find_session,
    later,
    messages_of,
    milliseconds,
)

RETENTION_MS = 30 * 86_400_000


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
