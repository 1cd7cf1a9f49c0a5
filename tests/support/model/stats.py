"""The plain model's statistics: every message looked at, one by one."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from segue.conversation.parts import tool_calls
from tests.support.model.world import Row, World

BY_TIME = {"day": "%Y-%m-%d", "week": "%G-W%V", "month": "%Y-%m"}


def session_stats(
    world: World,
    *,
    since: str = "",
    until: str = "9999",
    group_by: str = "day",
    source: str = "",
    tz: str = "UTC",
    **equal: Any,
) -> Row:
    zone = ZoneInfo(tz)
    groups: dict[str | None, list[Row]] = {}
    for message in world.messages:
        session = world.sessions[message["session_id"]]
        wanted = all(session[member] == value for member, value in equal.items())
        if wanted and since < message["created_at"] <= until and source == "":
            groups.setdefault(_key(session, message, group_by, zone), []).append(message)
    keys = sorted(groups, key=str) if group_by in BY_TIME else sorted(groups, key=lambda key: _by_size(groups, key))
    total = counted([message for messages in groups.values() for message in messages])
    return {"rows": [{"key": key, **counted(groups[key])} for key in keys], "total": total, "has_more": False}


def counted(messages: list[Row]) -> Row:
    return {
        "sessions": len({message["session_id"] for message in messages}),
        "messages": len(messages),
        "user_messages": sum(message["role"] == "user" for message in messages),
        "tool_calls": sum(len(tool_calls(message["parts"])) for message in messages),
        "input_tokens": sum(message["input_tokens"] or 0 for message in messages),
        "output_tokens": sum(message["output_tokens"] or 0 for message in messages),
    }


def _by_size(groups: dict[str | None, list[Row]], key: str | None) -> tuple[int, bool, str]:
    return -len(groups[key]), key is None, str(key)


def _key(session: Row, message: Row, group_by: str, zone: ZoneInfo) -> str | None:
    if group_by in BY_TIME:
        return datetime.fromisoformat(message["created_at"]).astimezone(zone).strftime(BY_TIME[group_by])
    tool = (session["source"] or {}).get("tool")
    keys: dict[str, str | None] = {
        "model": message["model"] or session["model"], "project": session["project"], "tool": tool
    }  # fmt: skip
    return keys[group_by]
