"""The plain model's messages: how they are listed, got and counted."""

from tests.support.model.world import Refused, Row, World, find, find_session, messages_of


def message_list(
    world: World,
    *,
    session_id: str | None = None,
    after_id: int = -1,
    before_id: int = 2**63,
    since: str = "",
    roles: list[str] | None = None,
    keys: list[str] | None = None,
    key_prefix: str = "",
    around_id: int | None = None,
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
        and (keys is None or message["key"] in keys)
        and (not key_prefix or (message["key"] or "").startswith(key_prefix))
    ]
    found = found[:: 1 if order == "asc" else -1]
    if around_id is not None:
        if session_id not in (None, find(world.messages, "message", around_id)["session_id"]):
            raise Refused("invalid_params", path="$.around_id")
        before = [one for one in found if (one["id"] < around_id) == (order == "asc") and one["id"] != around_id]
        after = len(found) - len(before)
        found = found[max(0, len(before) - min(max(limit // 2, limit - after), limit - 1)) :]
    found = found[offset:]
    page = {"messages": found[:limit], "has_more": len(found) > limit}
    if session_id is None:
        return page
    held = messages_of(world, session_id)
    return {**page, "total": len(held), "first_index": held.index(found[0]) if page["messages"] else None}


def message_get(world: World, *, message_id: int) -> Row:
    return find(world.messages, "message", message_id)


def message_count(world: World, *, session_id: str) -> Row:
    find_session(world, session_id)
    return {"count": len(messages_of(world, session_id))}
