"""What all machines must agree on, with the names that are the same on all of them."""

from typing import Any

import msgspec

from segue.store.engine.tx import Tx
from segue.store.records import bots, context, memories, messages, sessions, summaries
from segue.store.records.message import page as message_page
from segue.store.sync import account, kinds, states
from segue.store.sync.kinds import MEMORY, MESSAGE
from tests.support.sync.machine import Machine

LOCAL = ("id", "working_dir", "project", "parent_id")


def snapshot(machine: Machine) -> dict[str, Any]:
    """Return everything that a person can read, by names that are the same on all machines."""
    return machine.read(_snapshot, machine)


def _snapshot(tx: Tx, machine: Machine) -> dict[str, Any]:
    rows = tx.run("SELECT uid, id FROM sync_sessions WHERE id IS NOT NULL ORDER BY uid").fetchall()
    uids = {id: bytes(uid).hex() for uid, id in rows}
    return {
        "sessions": {uids[id]: _session(tx, id, machine) for id in uids},
        "memories": sorted(_memories(tx)),
        "bots": sorted(
            (bot.id, bot.name, bot.description)
            for bot in bots.list_page(tx, limit=99, offset=0, answer_bytes=10**6).bots
        ),
    }


def _name(tx: Tx, kind: int, id: int) -> str:
    machine, oid = kinds.identity_of(tx, kind, id)
    return f"{account.machine_uid(tx, machine).hex()[:6]}.{oid}"


def _session(tx: Tx, id: str, machine: Machine) -> dict[str, Any]:
    session = sessions.get(tx, id)
    found = {name: value for name, value in msgspec.to_builtins(session).items() if name not in LOCAL}
    found["place"] = [
        states.field_to_wire(tx, name, getattr(session, name), machine.home) for name in ("working_dir", "project")
    ]
    parent = tx.run("SELECT hex(parent) FROM sync_sessions WHERE id = :id", id=id).fetchone()[0]
    found["parent"] = parent if session.parent_id else ""
    page = message_page.list_page(
        tx, message_page.Filter(session_id=id), limit=1000, offset=0, order="asc", answer_bytes=10**9
    )
    found["messages"] = [
        (_name(tx, MESSAGE, one.id), one.role, one.content, one.created_at, one.updated_at, one.state)
        for one in page.messages
        if one.state != "streaming"
    ]
    streaming = sum(one.state == "streaming" for one in page.messages)
    found["message_count"] -= streaming
    summary = summaries.latest(tx, id)
    found["summary"] = summary and summary.summary
    built = context.build(tx, id, max_tokens=None, memory_limit=0, answer_bytes=10**9)
    found["context"] = [_name(tx, MESSAGE, one.id) for one in built.messages]
    return found


def _memories(tx: Tx) -> list[tuple[Any, ...]]:
    found = []
    for (id,) in tx.run("SELECT id FROM memories").fetchall():
        one = memories.get(tx, id)
        source = one.source_message_id
        session = tx.run("SELECT hex(session) FROM sync_memories WHERE id = :id", id=id).fetchone()[0]
        visible = f"SELECT 1 FROM messages WHERE id = :id AND {messages.OF_ALL}"
        known = source is not None and tx.run(visible, id=source).fetchone()
        found.append(
            (
                _name(tx, MEMORY, id),
                one.bot_id,
                session,
                one.fact,
                one.importance,
                _name(tx, MESSAGE, source) if known and source is not None else "",
                _name(tx, MEMORY, one.superseded_by) if one.superseded_by is not None else "",
            )
        )
    return found
