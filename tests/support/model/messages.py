"""The plain model's messages: how they are appended, changed, deleted and replaced."""

from collections.abc import Iterable
from typing import Any

from tests.support.model.continuing import session_resolve, sessions_of_place
from tests.support.model.sessions import session_create
from tests.support.model.world import (
    Refused,
    Row,
    World,
    changed,
    check_created_at,
    find,
    find_session,
    later,
    messages_of,
)

LEFT_OUT: Row = {
    "parts": None, "token_count": None, "input_tokens": None, "output_tokens": None, "model": None,
    "stop_reason": None, "response_ms": None, "is_summary": False, "key": None, "metadata": {},
    "updated_at": None, "state": "complete",
}  # fmt: skip
ROLES = {"developer": "system", "function": "tool", "model": "assistant"}


def message_append(
    world: World,
    *,
    session_id: str | None = None,
    working_dir: str | None = None,
    bot_id: str = "default",
    project: str | None = None,
    scope: str = "directory",
    terminal: str | None = None,
    expected_last_id: int | None = None,
    on_key: str = "conflict",
    create: Any = False,
    **given: Any,
) -> Row:
    draft = _draft(given, "$")
    if session_id is not None:
        if create is False and session_id not in world.sessions:
            if expected_last_id is None:
                check_created_at(world, draft.get("created_at"), "$.created_at")
            find_session(world, session_id)
        paths = [session_id]
    else:
        paths = [one["id"] for one in sessions_of_place(world, working_dir or "", bot_id, project, scope)]
    if first := _first_of_key(world, paths, draft, on_key):
        return _use_first(world, first, draft, on_key, in_place=session_id is None)
    resumed = False
    if session_id is None:
        resolution = session_resolve(
            world, working_dir=working_dir or "", bot_id=bot_id, project=project, scope=scope, terminal=terminal,
            writes=True,
        )  # fmt: skip
        session_id, resumed = resolution["session"]["id"], resolution["resumed"]
    _ensure(world, session_id or "", create)
    _check_last_id(world, session_id or "", expected_last_id)
    check_created_at(world, draft.get("created_at"), "$.created_at")
    message = _store(world, session_id or "", draft)
    if resumed:
        world.resumed.add(message["id"])
    return _appended(message, duplicate=False, resumed=resumed)


def message_append_many(
    world: World,
    *,
    session_id: str,
    messages: list[Row],
    expected_last_id: int | None = None,
    on_key: str = "conflict",
    create: Any = False,
) -> Row:
    drafts = [_draft(given, f"$.messages[{index}]") for index, given in enumerate(messages)]
    _ensure(world, session_id, create)
    find_session(world, session_id)
    if expected_last_id is not None and not all(_first_of_key(world, [session_id], draft, on_key) for draft in drafts):
        _check_last_id(world, session_id, expected_last_id)
    results = []
    for index, draft in enumerate(drafts):
        check_created_at(world, draft.get("created_at"), f"$.messages[{index}].created_at")
        if first := _first_of_key(world, [session_id], draft, on_key):
            results.append(_use_first(world, first, draft, on_key, in_place=False))
        else:
            results.append(_appended(_store(world, session_id, draft), duplicate=False, resumed=False))
    return {
        "message_ids": [result["message_id"] for result in results], "session_id": session_id,
        "duplicates": sum(result["duplicate"] for result in results),
        "replaced": sum(result.get("replaced", False) for result in results),
    }  # fmt: skip


def _draft(given: Row, path: str) -> Row:
    """Return the message that the parameters mean, without a message's id and times."""
    if given.get("is_summary") and given["role"] != "system":
        raise Refused("invalid_params", path=f"{path}.is_summary")
    draft = {name: value for name, value in given.items() if name != "indexed"}
    content = given["content"] or _text_of(given.get("parts"))
    return {**draft, "role": ROLES.get(given["role"], given["role"]), "content": content}


def _text_of(parts: list[Row] | None) -> str:
    return "\n".join(part["text"] for part in parts or [] if part["type"] == "text")


def _ensure(world: World, session_id: str, create: Any) -> None:
    if create is not False and session_id not in world.sessions:
        session_create(world, id=session_id, **({} if create is True else create))


def _appended(message: Row, *, duplicate: bool, resumed: bool) -> Row:
    where = {"message_id": message["id"], "session_id": message["session_id"], "created_at": message["created_at"]}
    return {**where, "duplicate": duplicate, "resumed": resumed}


def _use_first(world: World, first: Row, draft: Row, on_key: str, *, in_place: bool) -> Row:
    if on_key == "replace" and not _is_same(first, draft):
        new = {**LEFT_OUT, **draft}
        kept = ("key", "updated_at", "created_at")
        world.streams.pop(first["id"], None)
        _change(world, first, {name: value for name, value in new.items() if name not in kept})
        return {**_appended(first, duplicate=False, resumed=False), "replaced": True}
    return _appended(first, duplicate=True, resumed=in_place and first["id"] in world.resumed)


def _is_same(message: Row, draft: Row) -> bool:
    fits = message["state"] == "complete" or draft.get("state") == "streaming"
    return fits and all(message[member] == draft.get(member) for member in ("role", "content", "parts"))


def _first_of_key(world: World, session_ids: list[str], draft: Row, on_key: str) -> Row | None:
    key = draft.get("key")
    used = [one for one in world.messages if key and one["key"] == key and one["session_id"] in session_ids]
    for message in used:
        if _is_same(message, draft):
            return message
    if used and on_key == "conflict":
        raise Refused("conflict", reason="key")
    return used[0] if used else None


def _check_last_id(world: World, session_id: str, expected: int | None) -> None:
    last = max((message["id"] for message in messages_of(world, session_id)), default=0)
    if expected not in (None, last):
        raise Refused("conflict", reason="last_id", last_id=last)


def _store(world: World, session_id: str, draft: Row) -> Row:
    made = {"id": world.number("message"), "session_id": session_id}
    message = {**LEFT_OUT, "created_at": world.at, **draft, **made}
    world.messages.append(message)
    session = world.sessions[session_id]
    session["last_message_at"] = max(session["last_message_at"], message["created_at"])
    changed(world, session)
    world.used[session_id] = world.number("use")
    if session["status"] == "crashed":
        session.update(status="active", ended_at=None)
    if session["name"] is None and message["role"] == "user":
        session["name"] = _name(message["content"], message["created_at"])
    for member in ("input_tokens", "output_tokens"):
        session[member] += message[member] or 0
    _count(world, session_id)
    return message


def _change(world: World, message: Row, changes: Row) -> None:
    """Change a message in place, and a session's name that came from its text."""
    session = world.sessions[message["session_id"]]
    old = {**message, "content": world.begun.get(message["id"], message["content"])}
    if changes.get("state", "streaming") != "streaming":
        world.begun.pop(message["id"], None)
    at = None if message["state"] == "streaming" else later(world, message["updated_at"])
    message.update(changes, updated_at=at)
    for member in ("input_tokens", "output_tokens"):
        session[member] += max(0, (changes.get(member) or 0) - (old[member] or 0))
    changed(world, session)
    name = _name(old["content"], old["created_at"])
    if name is not None and session["name"] == name and {"content", "state"} & changes.keys():
        session["name"] = _name(message["content"], old["created_at"])


def message_update(world: World, *, message_id: int, **changes: Any) -> Row:
    message = find(world.messages, "message", message_id)
    if not changes:
        return message
    if message["state"] == "streaming" and {"content", "parts"} & changes.keys():
        raise Refused("conflict", reason="state", state="streaming")
    if "metadata" in changes:
        changes["metadata"] = changes["metadata"] or {}
    parts = changes.get("parts", message["parts"])
    derived = "parts" in changes and message["content"] in ("", _text_of(message["parts"]))
    if not changes["content"] if "content" in changes else derived:
        changes["content"] = _text_of(parts)
    _change(world, message, changes)
    return message


def message_delete(
    world: World, *, session_id: str, message_ids: list[int] | None = None, keys: list[str] | None = None
) -> Row:
    find_session(world, session_id)
    held = messages_of(world, session_id)
    doomed = [one for one in held if (one["id"] in (message_ids or []) if keys is None else one["key"] in keys)]
    _remove(world, session_id, doomed)
    return {"deleted": len(doomed)}


def _remove(world: World, session_id: str, doomed: list[Row]) -> None:
    if doomed:
        world.messages = [message for message in world.messages if message not in doomed]
        changed(world, world.sessions[session_id])
        _count(world, session_id)


def message_replace(
    world: World,
    *,
    session_id: str,
    from_id: int | None = None,
    last: int | None = None,
    messages: Iterable[Row] = (),
    expected_last_id: int | None = None,
    key: str | None = None,
    return_removed: bool = False,
    create: Any = False,
) -> Row:
    for index, given in enumerate(messages):
        _draft(given, f"$.messages[{index}]")
    _ensure(world, session_id, create)
    find_session(world, session_id)
    if key is not None and (session_id, key) in world.replacements:
        first = world.replacements[session_id, key]
        return {**first, "removed_messages": []} if return_removed else first
    _check_last_id(world, session_id, expected_last_id)
    held = messages_of(world, session_id)
    start = max(0, len(held) - (last or 0))
    removed = held[start:] if from_id is None else [one for one in held if one["id"] >= from_id]
    _remove(world, session_id, removed)
    ids = message_append_many(world, session_id=session_id, messages=list(messages))["message_ids"]
    newest = max((one["id"] for one in messages_of(world, session_id)), default=0)
    result = {"removed": len(removed), "message_ids": ids, "last_id": newest}
    if key is not None:
        world.replacements[session_id, key] = result
    return {**result, "removed_messages": removed} if return_removed else result


def _name(content: str, at: str) -> str | None:
    shown = "".join(character for character in content if character.isspace() or character.isprintable())
    words = " ".join(shown.split())[:30].strip()
    return f"{words} - {at[:10]}_{at[11:13]}-{at[14:16]}" if words else None


def _count(world: World, session_id: str) -> None:
    world.sessions[session_id]["message_count"] = len(messages_of(world, session_id))


def message_delete_before(world: World, *, session_id: str, before_id: int) -> Row:
    find_session(world, session_id)
    doomed = [message for message in messages_of(world, session_id) if message["id"] < before_id]
    _remove(world, session_id, doomed)
    return {"deleted": len(doomed)}
