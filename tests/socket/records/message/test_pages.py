"""Messages are listed in pages, by id, role and time, and a damaged one is left out."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from segue.errors import InvalidParams
from tests.socket.records.message.calls import append, contents
from tests.support.clock import DAY, SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_pages_follow_ids_in_both_directions(wire: Wire, session: str) -> None:
    made = [append(wire, session, f"{index}")["message_id"] for index in range(5)]

    def page(**options: Any) -> tuple[list[str], bool]:
        found = wire.call("message.list", session_id=session, **options)
        return contents(found), found["has_more"]

    assert page(limit=2) == (["0", "1"], True)
    assert page(limit=5) == (["0", "1", "2", "3", "4"], False)
    assert page(after_id=made[1], limit=2) == (["2", "3"], True)
    assert page(before_id=made[2]) == (["0", "1"], False)
    assert page(order="desc", limit=2) == (["4", "3"], True)
    assert page(order="desc", before_id=made[3], limit=2) == (["2", "1"], True)
    assert page(offset=3) == (["3", "4"], False)
    assert page(offset=9) == ([], False)


def test_messages_are_filtered_by_role_and_time(server: Server, wire: Wire, session: str) -> None:
    append(wire, session, "u", role="user")
    at = server.clock.at
    server.clock.pass_time(SECOND)
    append(wire, session, "a", role="assistant")
    append(wire, session, "t", role="tool")

    def page(**options: Any) -> list[str]:
        return contents(wire.call("message.list", session_id=session, **options))

    assert page(roles=["user", "tool"]) == ["u", "t"]
    assert page(roles=[]) == []
    assert page(since=at) == ["a", "t"]
    assert page(since=server.clock.at) == []


@pytest.mark.parametrize("since", ["2026-11-21", "2026-11-21T14:30:00Z", "2026-13-01T00:00:00.000Z", "yesterday"])
def test_a_time_of_another_form_is_refused(wire: Wire, since: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.list", since=since)
    assert caught.value.data["path"] == "$.since"


def test_order_is_by_id_even_if_the_clock_goes_back(server: Server, wire: Wire, session: str) -> None:
    append(wire, session, "first")
    server.clock.jump(-DAY)
    append(wire, session, "second")
    assert contents(wire.call("message.list", session_id=session)) == ["first", "second"]


def test_messages_of_all_sessions_come_in_one_list(wire: Wire, session: str) -> None:
    append(wire, session, "one")
    other = wire.call("session.create")["id"]
    append(wire, other, "two")
    assert contents(wire.call("message.list")) == ["one", "two"]
    empty = {"messages": [], "has_more": False, "first_index": None, "total": 0}
    assert wire.call("message.list", session_id="unknown") == empty


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("metadata", "[1]"),
        ("metadata", "{"),
        ("metadata", ""),
        ("parts", "{}"),
        ("parts", "[1]"),
        ("parts", "[" * 100_000),
        ("created_at", "yesterday"),
        ("created_at", ""),
        ("content", b"\xff"),
    ],
)
def test_a_damaged_row_is_omitted_from_pages_and_invalid_data_by_itself(
    server: Server, wire: Wire, session: str, column: str, value: str | bytes
) -> None:
    ids = [append(wire, session, "x")["message_id"] for _ in range(3)]
    with closing(sqlite3.connect(server.database)) as other, other:
        other.execute(f"UPDATE messages SET {column} = CAST(? AS TEXT) WHERE id = ?", (value, ids[1]))
    error = wire.respond("message.get", {"message_id": ids[1]})["error"]
    assert (error["code"], error["data"]) == (-32007, {"kind": "invalid_data", "what": "message", "id": ids[1]})
    for order in ("asc", "desc"):
        page = wire.call("message.list", session_id=session, order=order)
        assert {message["id"] for message in page["messages"]} == {ids[0], ids[2]}
        assert not page["has_more"]
    assert wire.call("message.list", session_id=session, limit=2)["has_more"]
    assert [message["id"] for message in wire.call("context.build", session_id=session)["messages"]] == [ids[0], ids[2]]
    assert wire.call("session.fork", session_id=session)["message_count"] == 3


@pytest.mark.parametrize("change", ["token_count = -1", "is_summary = 2", "role = 'nobody'", "content = x'00'"])
def test_the_table_itself_holds_what_reading_does_not_look_at(
    server: Server, wire: Wire, session: str, change: str
) -> None:
    append(wire, session, "x")
    with (
        closing(sqlite3.connect(server.database)) as other,
        other,
        pytest.raises(sqlite3.IntegrityError),
    ):
        other.execute(f"UPDATE messages SET {change}")
