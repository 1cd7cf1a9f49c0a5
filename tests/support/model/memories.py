"""The plain model's memories and queue of extractions, and the table of all methods."""

from collections.abc import Callable
from typing import Any

from tests.support.model import contexts, continuing, forks, messages, reading, sessions, stats, streams
from tests.support.model.world import Refused, Row, SomeText, World, find, find_bot, find_session, stamp

ATTEMPTS = 3


def memory_save(
    world: World,
    *,
    bot_id: str = "default",
    session_id: str | None = None,
    source_message_id: int | None = None,
    supersedes: int | None = None,
    is_manual: bool = False,
    path: str = "$",
    **said: Any,
) -> Row:
    find_bot(world, bot_id)
    if session_id is not None:
        find_session(world, session_id)
    if source_message_id is not None:
        source = find(world.messages, "message", source_message_id)
        if session_id not in (None, source["session_id"]):
            raise Refused("invalid_params", path=f"{path}.source_message_id")
    old = None if supersedes is None else find(world.memories, "memory", supersedes)
    if old and old["bot_id"] != bot_id:
        raise Refused("invalid_params", path=f"{path}.supersedes")
    if old and old["superseded_by"] is not None:
        raise Refused("conflict", reason="superseded")
    for current in world.memories:
        if (current["bot_id"], current["fact"], current["superseded_by"]) == (bot_id, said["fact"], None):
            current["importance"] = max(current["importance"], said["importance"])
            if old and old is not current:
                old["superseded_by"] = current["id"]
            return {**current, "duplicate": True}
    memory = {
        "id": world.number("memory"), "bot_id": bot_id, "session_id": session_id, **said,
        "source_message_id": source_message_id, "superseded_by": None, "is_manual": is_manual,
        "created_at": world.at,
    }  # fmt: skip
    if old:
        old["superseded_by"] = memory["id"]
    world.memories.append(memory)
    return memory


def memory_get(world: World, *, memory_id: int) -> Row:
    return find(world.memories, "memory", memory_id)


def memory_list(
    world: World, *, include_superseded: bool = False, limit: int = 100, offset: int = 0, **equal: Any
) -> Row:
    if not {"bot_id", "session_id"} & set(equal):
        equal["bot_id"] = "default"
    found = [
        memory
        for memory in world.memories
        if all(memory[member] == wanted for member, wanted in equal.items())
        and (include_superseded or memory["superseded_by"] is None)
    ]
    found.sort(key=lambda memory: (-memory["importance"], -memory["id"]))
    return {"memories": found[offset : offset + limit], "total": len(found)}


def memory_delete(world: World, *, memory_id: int) -> Row:
    for memory in world.memories:
        if memory["id"] == memory_id:
            for older in world.memories:
                if older["superseded_by"] == memory_id:
                    older["superseded_by"] = memory["superseded_by"]
            world.memories.remove(memory)
            return {"deleted": True}
    return {"deleted": False}


def memory_delete_all(world: World, *, bot_id: str) -> Row:
    find_bot(world, bot_id)
    doomed = [memory for memory in world.memories if memory["bot_id"] == bot_id]
    world.memories = [memory for memory in world.memories if memory["bot_id"] != bot_id]
    return {"deleted": len(doomed)}


def extraction_enqueue(world: World, *, session_id: str) -> Row:
    session = find_session(world, session_id)
    for entry in [one for one in world.extractions if one["session_id"] == session_id]:
        if entry["attempt_count"] < ATTEMPTS:
            return entry
        world.extractions.remove(entry)
    world.extractions.append(
        {
            "id": world.number("extraction"), "session_id": session_id, "bot_id": session["bot_id"],
            "attempt_count": 0, "last_attempt_at": None, "next_attempt_at": world.at, "leased_until": None,
            "error_message": None, "created_at": world.at,
        }
    )  # fmt: skip
    return world.extractions[-1]


def _in_order(world: World, bot_id: str | None) -> list[Row]:
    found = [entry for entry in world.extractions if bot_id in (None, entry["bot_id"])]
    return sorted(found, key=lambda entry: (entry["next_attempt_at"], entry["id"]))


def extraction_list(
    world: World, *, bot_id: str | None = None, include_exhausted: bool = False, limit: int = 100, offset: int = 0
) -> Row:
    found = [one for one in _in_order(world, bot_id) if include_exhausted or one["attempt_count"] < ATTEMPTS]
    return {"extractions": found[offset : offset + limit], "total": len(found)}


def extraction_claim(world: World, *, bot_id: str | None = None, limit: int = 1, lease_seconds: int = 300) -> Row:
    claimed: list[Row] = []
    for entry in _in_order(world, bot_id):
        leased = entry["leased_until"] is not None and entry["leased_until"] > world.at
        if leased or entry["attempt_count"] >= ATTEMPTS or entry["next_attempt_at"] > world.at or len(claimed) == limit:
            continue
        if entry["leased_until"] is not None:
            _count_attempt(world, entry, 0, SomeText())
        if entry["attempt_count"] < ATTEMPTS:
            entry["leased_until"] = stamp(world.now + lease_seconds * 1000)
            claimed.append(entry)
    return {"extractions": claimed}


def _count_attempt(world: World, entry: Row, backoff_ms: int, error: Any) -> None:
    entry.update(
        attempt_count=entry["attempt_count"] + 1, last_attempt_at=world.at, leased_until=None,
        next_attempt_at=stamp(world.now + backoff_ms), error_message=error,
    )  # fmt: skip


def _open(world: World, extraction_id: int) -> Row:
    entry = find(world.extractions, "extraction", extraction_id)
    if entry["attempt_count"] >= ATTEMPTS:
        raise Refused("conflict", reason="exhausted")
    return entry


def extraction_fail(world: World, *, extraction_id: int, error: str) -> Row:
    entry = _open(world, extraction_id)
    _count_attempt(world, entry, 60_000 * 4 ** entry["attempt_count"], error)
    return entry


def extraction_complete(world: World, *, extraction_id: int, memories: list[Row]) -> Row:
    entry = _open(world, extraction_id)
    owner = {"bot_id": entry["bot_id"], "session_id": entry["session_id"]}
    saved = [memory_save(world, **owner, **draft, path=f"$.memories[{index}]") for index, draft in enumerate(memories)]
    world.extractions.remove(entry)
    # Each is returned as it is at the end; a later one may have superseded it.
    return {"memories": [{**find(world.memories, "memory", one["id"]), **_mark(one)} for one in saved]}


def _mark(memory: Row) -> Row:
    return {"duplicate": True} if "duplicate" in memory else {}


def extraction_delete(world: World, *, extraction_id: int) -> Row:
    kept = [entry for entry in world.extractions if entry["id"] != extraction_id]
    deleted, world.extractions = len(kept) < len(world.extractions), kept
    return {"deleted": deleted}


NOUNS = ("bot", "session", "message", "summary", "context", "memory", "extraction")

PARTS = (sessions, continuing, messages, reading, contexts, forks, stats, streams)

METHODS: dict[str, Callable[..., Any]] = {
    name.replace("_", ".", 1): function
    for part in (*map(vars, PARTS), globals())
    for name, function in part.items()
    if name.partition("_")[0] in NOUNS
}

ALL_OR_NOTHING = ("message.append", "message.begin", "message.append_many", "message.replace", "extraction.complete")
"""Those that may be refused when they have done something already."""


def call(world: World, method: str, **params: Any) -> Any:
    """Return the result by the contract; or `Refused`, and then nothing has changed."""
    before = world.copied() if method in ALL_OR_NOTHING else None
    try:
        return METHODS[method](world, **params)
    except Refused:
        if before:
            world.undo(before)
        raise
