"""A row that another program damaged takes no other row with it, whatever reads it."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.support.inprocess import Server
from tests.support.wire import Wire

CORRUPT, INVALID_DATA = -32005, -32007

NOT_UTF_8 = b"\xff"

DAMAGES: list[tuple[str, str, bytes]] = [
    *(("sessions", column, NOT_UTF_8) for column in ("name", "metadata", "system_prompt", "last_message_at", "bot_id")),
    *(("sessions", "tags", value) for value in (NOT_UTF_8, b"{")),
    *(("messages", column, NOT_UTF_8) for column in ("content", "parts", "created_at")),
    ("messages", "created_at", b"2026-11-21 05:00"),
    *(("messages", "metadata", value) for value in (b"{", b"[[1]]")),
    *(("memories", column, NOT_UTF_8) for column in ("fact", "session_id")),
    ("summaries", "summary", NOT_UTF_8),
    ("bots", "description", NOT_UTF_8),
    *(("search_sessions", "attributes", value) for value in (b"", b"[1]")),
]

LISTS: list[tuple[str, dict[str, Any]]] = [
    ("message.list", {"limit": 1000}),
    *(("message.search", {"query": "common", "match": match}) for match in ("words", "any", "substring", "regex")),
    ("message.search", {"query": "common", "tags": ["t"]}),
    ("message.search", {"query": "common", "match": "substring", "tags": ["t"]}),
    ("session.list", {}),
    ("session.list", {"tags": ["t"], "metadata": {"a": 1}}),
    ("session.complete", {"shell": "zsh"}),
    ("session.stats", {"group_by": "day"}),
    ("session.resolve", {"working_dir": "/srv/whole", "create": False}),
    ("memory.list", {"bot_id": "b"}),
    ("bot.list", {}),
    ("extraction.list", {}),
    ("session.cleanup", {"dry_run": True}),
    ("daemon.scrub", {"dry_run": True}),
    ("daemon.check", {"full": True}),
]
"""Methods that read rows of several sessions."""

OF_SESSION = ("session.get", "message.list", "context.build", "session.export", "summary.latest", "session.fork")
"""Methods that read one session."""


def fill(wire: Wire, name: str) -> str:
    session: str = wire.call(
        "session.create", working_dir=f"/srv/{name}", bot_id="b", name=name, tags=["t"], metadata={"a": 1}
    )["id"]
    for text in ("first", "second"):
        wire.call("message.append", session_id=session, role="user", content=f"{text} common", parts=[{"type": "x"}])
    newest = wire.call("message.list", session_id=session)["messages"][-1]["id"]
    covered = {"messages_start": newest, "messages_end": newest, "token_count": 1}
    wire.call("summary.save", session_id=session, summary="s", **covered)
    wire.call("memory.save", bot_id="b", session_id=session, fact=f"fact of {name}", category="fact", importance=3)
    wire.call("extraction.enqueue", session_id=session)
    return session


def ask(wire: Wire, method: str, **params: Any) -> Any:
    """Send a request and return its response, without the check against the discovery document, which takes longer."""
    wire.post(method, **params)
    return wire.answer()


def texts(result: dict[str, Any]) -> set[str]:
    return {message["content"] for message in result["messages"]}


def test_a_damaged_row_leaves_out_only_itself(server: Server, wire: Wire) -> None:
    wire.call("bot.create", bot_id="b", name="b")
    whole = fill(wire, "whole")
    for number, (table, column, value) in enumerate(DAMAGES):
        session = fill(wire, f"damaged {number}")
        wire.call("message.search", query="common")
        condition = {"sessions": "id = :id", "bots": "id = 'b'"}.get(table, "session_id = :id")
        with closing(sqlite3.connect(server.database)) as other, other:
            sql = f"UPDATE {table} SET {column} = CAST(:value AS TEXT) WHERE {condition}"
            assert other.execute(sql, {"value": value, "id": session}).rowcount > 0
        what = f"{table}.{column} = {value!r}"
        for method, params in LISTS:
            answer = ask(wire, method, **params)
            assert "error" not in answer, (what, method, answer)
        for method in OF_SESSION:
            answer = ask(wire, method, session_id=session)
            assert answer.get("error", {"code": INVALID_DATA})["code"] == INVALID_DATA, (what, method, answer)
            assert "error" not in ask(wire, method, session_id=whole), (what, method)
        assert texts(wire.call("message.list", session_id=whole)) == {"first common", "second common"}
        hits = wire.call("message.search", query="common", session_id=whole)["hits"]
        assert len(hits) == 2, what
        answer = ask(wire, "session.delete", session_id=session)
        assert answer.get("error", {"code": CORRUPT})["code"] in (CORRUPT, INVALID_DATA), (what, answer)


@pytest.mark.parametrize("column", ["created_at", "content"])
def test_a_message_whose_text_is_not_utf_8_can_be_deleted(
    server: Server, wire: Wire, session: str, column: str
) -> None:
    id = wire.call("message.append", session_id=session, role="user", content="x")["message_id"]
    with closing(sqlite3.connect(server.database)) as other, other:
        other.execute(f"UPDATE messages SET {column} = CAST(x'ff' AS TEXT) WHERE id = ?", (id,))
    assert wire.call("message.delete", session_id=session, message_ids=[id]) == {"deleted": 1}
    assert wire.call("session.get", session_id=session)["message_count"] == 0


def test_a_scan_skips_the_ids_between_two_messages(server: Server, wire: Wire, session: str) -> None:
    for text in ("first", "second"):
        wire.call("message.append", session_id=session, role="user", content=f"{text} needle")
    with closing(sqlite3.connect(server.database)) as other, other:
        other.execute("UPDATE messages SET id = 9223372036854775807 WHERE content = 'second needle'")
    for order, found in (("newest", ["second", "first"]), ("oldest", ["first", "second"])):
        hits = wire.call("message.search", query="needle", match="substring", order=order, marks=["", ""])["hits"]
        assert [hit["snippet"].split()[0] for hit in hits] == found
