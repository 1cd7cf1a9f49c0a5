"""The plain model's messages, summaries, contexts and forks."""

from typing import Any

from tests.support.model.world import (
    Refused,
    Row,
    World,
    find,
    find_session,
    messages_of,
    session_create,
    session_resolve,
)

LEFT_OUT: Row = {
    "parts": None, "token_count": None, "input_tokens": None, "output_tokens": None, "model": None,
    "stop_reason": None, "response_ms": None, "is_summary": False, "key": None, "metadata": {},
}  # fmt: skip


def message_append(
    world: World,
    *,
    session_id: str | None = None,
    working_dir: str | None = None,
    bot_id: str = "default",
    expected_last_id: int | None = None,
    **draft: Any,
) -> Row:
    _check(draft, "$")
    if session_id is not None:
        find_session(world, session_id)
        paths = [session_id]
    else:
        here = (working_dir, bot_id)
        paths = [one["id"] for one in world.sessions.values() if (one["working_dir"], one["bot_id"]) == here]
    if first := _first_of_key(world, paths, draft):
        return _appended(first, duplicate=True, resumed=session_id is None and first["id"] in world.resumed)
    resumed = False
    if session_id is None:
        resolution = session_resolve(world, working_dir=working_dir or "", bot_id=bot_id)
        session_id, resumed = resolution["session"]["id"], resolution["resumed"]
    _check_last_id(world, session_id or "", expected_last_id)
    message = _store(world, session_id or "", draft)
    if resumed:
        world.resumed.add(message["id"])
    return _appended(message, duplicate=False, resumed=resumed)


def message_append_many(
    world: World, *, session_id: str, messages: list[Row], expected_last_id: int | None = None
) -> Row:
    for index, draft in enumerate(messages):
        _check(draft, f"$.messages[{index}]")
    find_session(world, session_id)
    if not all(_first_of_key(world, [session_id], draft) for draft in messages):
        _check_last_id(world, session_id, expected_last_id)
    stored = [_first_of_key(world, [session_id], draft) or _store(world, session_id, draft) for draft in messages]
    return {"message_ids": [message["id"] for message in stored], "session_id": session_id}


def _check(draft: Row, path: str) -> None:
    if draft.get("is_summary") and draft["role"] != "system":
        raise Refused("invalid_params", path=f"{path}.is_summary")


def _appended(message: Row, *, duplicate: bool, resumed: bool) -> Row:
    where = {"message_id": message["id"], "session_id": message["session_id"], "created_at": message["created_at"]}
    return {**where, "duplicate": duplicate, "resumed": resumed}


def _first_of_key(world: World, session_ids: list[str], draft: Row) -> Row | None:
    key = draft.get("key")
    used = [one for one in world.messages if key and one["key"] == key and one["session_id"] in session_ids]
    for message in used:
        if all(message[member] == draft.get(member) for member in ("role", "content", "parts")):
            return message
    if used:
        raise Refused("conflict", reason="key")
    return None


def _check_last_id(world: World, session_id: str, expected: int | None) -> None:
    last = max((message["id"] for message in messages_of(world, session_id)), default=0)
    if expected not in (None, last):
        raise Refused("conflict", reason="last_id", last_id=last)


def _store(world: World, session_id: str, draft: Row) -> Row:
    made = {"id": world.number("message"), "session_id": session_id, "created_at": world.at}
    message = {**LEFT_OUT, **draft, **made}
    world.messages.append(message)
    session = world.sessions[session_id]
    session.update(last_message_at=world.at, updated_at=world.at)
    world.used[session_id] = world.number("use")
    if session["status"] == "crashed":
        session.update(status="active", ended_at=None)
    if session["name"] is None and message["role"] == "user":
        session["name"] = _name(message["content"], world.at)
    for member in ("input_tokens", "output_tokens"):
        session[member] += message[member] or 0
    _count(world, session_id)
    return message


def _name(content: str, at: str) -> str | None:
    shown = "".join(character for character in content if character.isspace() or character.isprintable())
    words = " ".join(shown.split())[:30].strip()
    return f"{words} - {at[:10]}_{at[11:13]}-{at[14:16]}" if words else None


def _count(world: World, session_id: str) -> None:
    world.sessions[session_id]["message_count"] = len(messages_of(world, session_id))


def message_list(
    world: World,
    *,
    session_id: str | None = None,
    after_id: int = -1,
    before_id: int = 2**63,
    since: str = "",
    roles: list[str] | None = None,
    limit: int = 1000,
    offset: int = 0,
    order: str = "asc",
) -> Row:
    found = [
        message
        for message in world.messages
        if session_id in (None, message["session_id"])
        and after_id < message["id"] < before_id
        and message["created_at"] > since
        and (roles is None or message["role"] in roles)
    ]
    found = found[:: 1 if order == "asc" else -1][offset:]
    return {"messages": found[:limit], "has_more": len(found) > limit}


def message_get(world: World, *, message_id: int) -> Row:
    return find(world.messages, "message", message_id)


def message_count(world: World, *, session_id: str) -> Row:
    find_session(world, session_id)
    return {"count": len(messages_of(world, session_id))}


def message_delete_before(world: World, *, session_id: str, before_id: int) -> Row:
    session = find_session(world, session_id)
    doomed = [message for message in messages_of(world, session_id) if message["id"] < before_id]
    if doomed:
        world.messages = [message for message in world.messages if message not in doomed]
        session["updated_at"] = world.at
        _count(world, session_id)
    return {"deleted": len(doomed)}


def summary_save(
    world: World, *, session_id: str, summary: str, messages_start: int, messages_end: int, token_count: int
) -> Row:
    find_session(world, session_id)
    for name, id in (("messages_start", messages_start), ("messages_end", messages_end)):
        if find(world.messages, "message", id)["session_id"] != session_id:
            raise Refused("invalid_params", path=f"$.{name}")
    if messages_start > messages_end:
        raise Refused("invalid_params", path="$.messages_end")
    world.summaries.append(
        {
            "id": world.number("summary"), "session_id": session_id, "summary": summary,
            "messages_start": messages_start, "messages_end": messages_end, "token_count": token_count,
            "created_at": world.at,
        }
    )  # fmt: skip
    return world.summaries[-1]


def summary_latest(world: World, *, session_id: str) -> Row | None:
    find_session(world, session_id)
    return next((one for one in world.summaries[::-1] if one["session_id"] == session_id), None)


def context_build(world: World, *, session_id: str, max_tokens: int | None = None, memory_limit: int = 20) -> Row:
    session, summary = find_session(world, session_id), summary_latest(world, session_id=session_id)
    known = [one for one in world.memories if (one["bot_id"], one["superseded_by"]) == (session["bot_id"], None)]
    known = sorted(known, key=lambda one: (-one["importance"], -one["id"]))[:memory_limit]
    after = summary["messages_end"] if summary else -1
    held = [one for one in messages_of(world, session_id) if one["id"] > after]
    compacted = [one for one in held if one["is_summary"]][-1:]
    rest = [one for one in held if one not in compacted]
    last_user = max((one["id"] for one in rest if one["role"] == "user"), default=2**63)
    prompt = [session["system_prompt"]] if session["system_prompt"] is not None else []
    guessed = [*prompt, *(memory["fact"] for memory in known)]

    def total() -> int:
        fixed = sum(_quarter(text) for text in guessed) + (summary["token_count"] if summary else 0)
        return fixed + sum(_tokens(one) for one in compacted + rest)

    while max_tokens is not None and rest and rest[0]["id"] < last_user and total() > max_tokens:
        rest = rest[1:]
    kept = compacted + rest
    return {
        "session_id": session_id, "system_prompt": session["system_prompt"], "memories": known, "summary": summary,
        "messages": kept, "token_count": total(), "dropped": len(held) - len(kept),
        "estimated": bool(guessed) or any(_counted(one) is None for one in kept),
    }  # fmt: skip


def _quarter(text: str) -> int:
    return (len(text) + 3) // 4


def _counted(message: Row) -> int | None:
    used = message["output_tokens" if message["role"] == "assistant" else "input_tokens"]
    counted: int | None = message["token_count"]
    return used if counted is None else counted


def _tokens(message: Row) -> int:
    counted = _counted(message)
    return _quarter(message["content"]) if counted is None else counted


def session_fork(world: World, *, session_id: str, upto_message_id: int | None = None, name: str | None = None) -> Row:
    origin = find_session(world, session_id)
    last = 2**63 if upto_message_id is None else upto_message_id
    if upto_message_id is not None and find(world.messages, "message", last)["session_id"] != session_id:
        raise Refused("invalid_params", path="$.upto_message_id")
    same = {member: origin[member] for member in ("bot_id", "working_dir", "provider", "model", "system_prompt")}
    metadata = {**origin["metadata"], "forked_from": session_id}
    made = session_create(world, **same, name=name or origin["name"], metadata=metadata)
    past = [message for message in messages_of(world, session_id) if message["id"] <= last]
    copies = {message["id"]: world.number("message") for message in past}
    world.messages += [{**message, "id": copies[message["id"]], "session_id": made["id"]} for message in past]
    for member in ("input_tokens", "output_tokens"):
        made[member] = sum(message[member] or 0 for message in past)
    _count(world, made["id"])
    for summary in [one for one in world.summaries if one["session_id"] == session_id and one["messages_end"] <= last]:
        covered = [id for id in copies if summary["messages_start"] <= id <= summary["messages_end"]]
        range = {"messages_start": copies[covered[0]], "messages_end": copies[covered[-1]]} if covered else {}
        world.summaries.append({**summary, "id": world.number("summary"), "session_id": made["id"], **range})
    return made
