"""Store what a tool has besides sessions and their messages: bots, summaries, pending extractions and memories.

`session.restore` leaves what is there already, so all of it may be sent again.
"""

from collections.abc import Iterable
from typing import Any

from segue.client import Client
from segue.history.records import HistoryBot, HistorySession

MAX_BATCH_MEMORIES = 1000
MAX_KEYS = 1000


def restore_bot(client: Client, bot: HistoryBot, created_at: str) -> None:
    """Create the bot unless there is one of that id."""
    stored = {"id": bot.id, "name": bot.name, "description": None, "created_at": created_at}
    client.request("session.restore", {"bots": [stored]})


def restore_rest(client: Client, session: HistorySession, session_id: str) -> None:
    """Store the summaries of an imported session, and its entry of the extraction queue."""
    if not session.summaries and session.extraction is None:
        return
    stored = client.request("session.get", {"session_id": session_id})
    keys = [message.key for message in session.messages]
    params: dict[str, Any] = {"session": stored, "first_index": stored["message_count"], "summaries": []}
    for summary in session.summaries:
        ids = _ids_of(client, session_id, keys[summary.start : summary.end])
        params["summaries"].append(
            {
                "id": 0,
                "session_id": session_id,
                "summary": summary.text,
                "messages_start": min(ids.values(), default=0),
                "messages_end": max(ids.values(), default=0),
                "token_count": summary.token_count,
                "created_at": summary.at,
            }
        )
    if (entry := session.extraction) is not None:
        params["extraction"] = {
            "id": 0,
            "session_id": session_id,
            "bot_id": stored["bot_id"],
            "attempt_count": entry.attempt_count,
            "last_attempt_at": entry.last_attempt_at,
            "next_attempt_at": entry.next_attempt_at,
            "leased_until": None,
            "error_message": entry.error_message,
            "created_at": entry.at,
        }
    client.request("session.restore", params)


def restore_memories_of(client: Client, sessions: Iterable[tuple[HistorySession, str]]) -> None:
    """Store the memories of imported sessions, which are given with their ids in the daemon."""
    several: list[dict[str, Any]] = []
    for session, session_id in sessions:
        sources = [memory.source for memory in session.memories if memory.source]
        ids = _ids_of(client, session_id, sources)
        several += (
            {
                "id": memory.id,
                "bot_id": "default" if session.bot is None else session.bot.id,
                "session_id": session_id,
                "fact": memory.fact,
                "category": memory.category,
                "importance": memory.importance,
                "source_message_id": ids.get(memory.source or ""),
                "superseded_by": memory.superseded_by,
                "is_manual": memory.is_manual,
                "created_at": memory.at,
            }
            for memory in session.memories
        )
    restore_memories(client, sorted(several, key=lambda memory: memory["created_at"]))


def restore_memories(client: Client, memories: list[dict[str, Any]]) -> None:
    """Store memories with ids of another store, and let those that are superseded point to their successors.

    The successors of the memories are known only when all are stored, so the superseded ones are sent twice.
    """
    ids: dict[Any, int] = {}
    numbered = [{**memory, "id": number} for number, memory in enumerate(memories)]
    current = [{**memory, "superseded_by": None} for memory in numbered]
    for first in range(0, len(current), MAX_BATCH_MEMORIES):
        batch = slice(first, first + MAX_BATCH_MEMORIES)
        result = client.request("session.restore", {"memories": current[batch]})
        ids |= zip((memory["id"] for memory in memories[batch]), result["memory_ids"], strict=True)
    superseded = [
        {**memory, "superseded_by": ids[memory["superseded_by"]]}
        for memory in numbered
        if memory["superseded_by"] in ids
    ]
    for first in range(0, len(superseded), MAX_BATCH_MEMORIES):
        client.request("session.restore", {"memories": superseded[first : first + MAX_BATCH_MEMORIES]})


def _ids_of(client: Client, session_id: str, keys: list[str]) -> dict[str, int]:
    """Return the ids of the session's messages by their keys."""
    found: dict[str, int] = {}
    for first in range(0, len(keys), MAX_KEYS):
        params = {"session_id": session_id, "keys": keys[first : first + MAX_KEYS], "text_chars": 0}
        found |= {one["key"]: one["id"] for one in client.request("message.list", params)["messages"]}
    return found
