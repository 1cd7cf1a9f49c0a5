"""The plain model's messages that are begun, grow and end."""

from typing import Any

from tests.support.model.messages import _change, _name, _text_of, message_append
from tests.support.model.world import Refused, Row, World, find


def message_begin(world: World, *, content: Any = "", **given: Any) -> Row:
    begun = message_append(world, **given, content=content, state="streaming")
    message = find(world.messages, "message", begun["message_id"])
    if not begun["duplicate"] or message["state"] == "interrupted":
        world.begun[message["id"]] = message["content"]
    if message["state"] == "interrupted":
        _change(world, message, {"state": "streaming"})
    if message["state"] == "streaming":
        world.streams[message["id"]] = world.client
    return begun


def _owned(world: World, message_id: int) -> Row:
    message = find(world.messages, "message", message_id)
    if message["state"] != "streaming":
        raise Refused("conflict", reason="state", state=message["state"])
    if world.streams[message_id] != world.client:
        raise Refused("conflict", reason="owner")
    return message


def message_delta(world: World, *, message_id: int, text: str) -> Row:
    _owned(world, message_id)["content"] += text
    return {}


def message_finish(world: World, *, message_id: int, **given: Any) -> Row:
    message = _owned(world, message_id)
    _end(world, message, {**given, "state": "complete"})
    return message


def interrupt(world: World, client: int | None = None) -> None:
    """Close the client's connection, or all of them."""
    for id in [id for id, owner in world.streams.items() if client in (None, owner)]:
        for message in world.messages:
            if message["id"] == id:
                _end(world, message, {"state": "interrupted"})
        world.streams.pop(id, None)


def _end(world: World, message: Row, changes: Row) -> None:
    del world.streams[message["id"]]
    content = changes.get("content", message["content"]) or _text_of(changes.get("parts", message["parts"]))
    _change(world, message, {**changes, "content": content})
    session = world.sessions[message["session_id"]]
    if message["role"] == "user" and session["name"] is None:
        session["name"] = _name(content, message["created_at"])
