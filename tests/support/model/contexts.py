"""The plain model's summaries and contexts."""

from tests.support.model.world import Refused, Row, World, find, find_session, messages_of


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
    rest = [one for one in held if one not in compacted and one["state"] != "streaming"]
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
    if counted is not None:
        return counted
    apart = [part for part in message["parts"] or [] if part["text"] not in message["content"]]
    return _quarter(message["content"] + "".join(value for part in apart for value in part.values()))
