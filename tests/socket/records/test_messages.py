"""Messages: stored as given, counted, keyed, conditional, paged and deleted."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from segue.errors import Conflict, InvalidParams, NotFound
from segue.store.records import append as appending
from segue.store.records.message import append_group
from segue.store.store import Store
from tests.support.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire

HERE = "/srv/here"


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create", working_dir=HERE)["id"]
    return found


def append(wire: Wire, session: str, content: str = "x", role: str = "user", **more: Any) -> Any:
    return wire.call("message.append", session_id=session, role=role, content=content, **more)


def contents(page: dict[str, Any]) -> list[str]:
    return [message["content"] for message in page["messages"]]


def test_a_message_comes_back_with_every_member_as_it_was_given(server: Server, wire: Wire, session: str) -> None:
    given = {
        "role": "assistant", "content": "\0 ünïcode 😀 \r\n",
        "parts": [{"type": "image", "n": 12345678901234567890123}],
        "token_count": 2**63 - 1, "input_tokens": 3, "output_tokens": 4, "model": "m", "stop_reason": "stop",
        "response_ms": 1234, "is_summary": False, "key": "k", "metadata": {"f": 0.1, "deep": [[], {}]},
    }  # fmt: skip
    appended = wire.call("message.append", session_id=session, **given)
    assert appended == {
        "message_id": appended["message_id"], "session_id": session, "created_at": server.clock.at,
        "duplicate": False, "resumed": False,
    }  # fmt: skip
    stored = wire.call("message.get", message_id=appended["message_id"])
    assert stored == {
        "id": appended["message_id"], "session_id": session, "created_at": server.clock.at, "updated_at": None,
        "state": "complete", **given,
    }  # fmt: skip
    page = {"messages": [stored], "has_more": False, "first_index": 0, "total": 1}
    assert wire.call("message.list", session_id=session) == page


def test_an_append_brings_the_session_up_to_date(server: Server, wire: Wire, session: str) -> None:
    server.clock.pass_time(HOUR)
    append(wire, session, input_tokens=5)
    append(wire, session, role="assistant", output_tokens=7, input_tokens=1)
    found = wire.call("session.get", session_id=session)
    assert (found["message_count"], found["input_tokens"], found["output_tokens"]) == (2, 6, 7)
    assert found["last_message_at"] == found["updated_at"] == server.clock.at


def test_tokens_stop_at_the_largest_integer(wire: Wire, session: str) -> None:
    for _ in range(2):
        append(wire, session, input_tokens=2**63 - 1, output_tokens=2**63 - 1)
    found = wire.call("session.get", session_id=session)
    assert (found["input_tokens"], found["output_tokens"]) == (2**63 - 1, 2**63 - 1)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("How do I sort a dictionary by value in Python?", "How do I sort a dictionary by"),
        ("  two\n\n words\t ", "two words"),
        ("x" * 40, "x" * 30),
        ("a" * 29 + " tail", "a" * 29),
        ("bell\x07 and \x1b[31mred", "bell and [31mred"),
        ("é" * 31, "é" * 30),
    ],
)
def test_the_first_user_message_names_the_session(wire: Wire, session: str, content: str, name: str) -> None:
    append(wire, session, "a system prompt is no name", role="system")
    append(wire, session, content)
    append(wire, session, "a later message does not rename")
    assert wire.call("session.get", session_id=session)["name"] == f"{name} - 2026-11-21_14-30"


def test_a_blank_message_gives_no_name_and_the_next_one_does(wire: Wire, session: str) -> None:
    append(wire, session, " \n\x00\x1f")
    assert wire.call("session.get", session_id=session)["name"] is None
    append(wire, session, "now")
    assert wire.call("session.get", session_id=session)["name"] == "now - 2026-11-21_14-30"


def test_a_name_given_by_a_person_is_never_overwritten(wire: Wire) -> None:
    session = wire.call("session.create", name="mine")["id"]
    append(wire, session, "hello")
    assert wire.call("session.get", session_id=session)["name"] == "mine"


def test_an_append_to_a_crashed_session_makes_it_active_and_to_a_completed_one_does_not(wire: Wire) -> None:
    for status, expected in (("crashed", "active"), ("completed", "completed")):
        session = wire.call("session.create")["id"]
        wire.call("session.end", session_id=session, status=status)
        append(wire, session)
        found = wire.call("session.get", session_id=session)
        assert (found["status"], found["ended_at"] is None) == (expected, expected == "active")


def test_the_same_key_gives_the_first_result_again(server: Server, wire: Wire, session: str) -> None:
    first = append(wire, session, "once", key="k", parts=[{"a": 1, "b": 2}])
    before = wire.call("session.get", session_id=session)
    server.clock.pass_time(MINUTE)
    again = append(wire, session, "once", key="k", parts=[{"b": 2, "a": 1}], expected_last_id=99)
    assert again == {**first, "duplicate": True}
    assert wire.call("session.get", session_id=session) == before


def test_the_same_key_again_in_a_session_that_was_made_before_is_answered_as_the_first_time(
    server: Server, wire: Wire, session: str
) -> None:
    server.clock.pass_time(MINUTE)
    first = append(wire, session, "once", key="k")
    assert append(wire, session, "once", key="k") == {**first, "duplicate": True}


@pytest.mark.parametrize("other", [{"content": "two"}, {"role": "tool"}, {"parts": []}])
def test_the_same_key_with_another_message_is_a_conflict(wire: Wire, session: str, other: dict[str, Any]) -> None:
    append(wire, session, "one", key="k")
    with pytest.raises(Conflict) as caught:
        wire.call("message.append", **{"session_id": session, "role": "user", "content": "one", "key": "k", **other})
    assert caught.value.data == {"reason": "key"}
    assert wire.call("message.count", session_id=session) == {"count": 1}


def test_a_key_belongs_to_its_session(wire: Wire, session: str) -> None:
    other = wire.call("session.create")["id"]
    append(wire, session, "one", key="k")
    assert append(wire, other, "two", key="k")["duplicate"] is False


def test_a_key_given_with_a_directory_is_looked_for_in_all_its_sessions(server: Server, wire: Wire) -> None:
    first = wire.call("message.append", working_dir=HERE, role="user", content="x", key="k")
    server.clock.pass_time(5 * HOUR)
    again = wire.call("message.append", working_dir=HERE, role="user", content="x", key="k")
    assert again == {**first, "duplicate": True}
    assert wire.call("session.list")["total"] == 1
    with pytest.raises(Conflict):
        wire.call("message.append", working_dir=HERE, role="user", content="y", key="k")
    elsewhere = wire.call("message.append", working_dir="/elsewhere", role="user", content="y", key="k")
    assert elsewhere["duplicate"] is False


def test_an_expected_last_id_that_is_not_the_last_is_a_conflict_and_stores_nothing(wire: Wire, session: str) -> None:
    first = append(wire, session, expected_last_id=0)["message_id"]
    for wrong in (0, first + 1):
        with pytest.raises(Conflict) as caught:
            append(wire, session, expected_last_id=wrong)
        assert caught.value.data == {"reason": "last_id", "last_id": first}
    assert append(wire, session, expected_last_id=first)["message_id"] > first
    assert wire.call("message.count", session_id=session) == {"count": 2}


def test_a_conflict_in_a_directory_leaves_no_empty_session_behind(wire: Wire) -> None:
    with pytest.raises(Conflict):
        wire.call("message.append", working_dir=HERE, role="user", content="x", expected_last_id=7)
    assert wire.call("session.list")["total"] == 0


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({}, "$.session_id"),
        ({"session_id": "s", "working_dir": "/x"}, "$.session_id"),
        ({"session_id": "s", "bot_id": "default"}, "$.bot_id"),
        ({"session_id": "s", "is_summary": True}, "$.is_summary"),
        ({"session_id": "s", "role": "User"}, "$.role"),
        ({"session_id": "s", "content": 5}, "$.content"),
        ({"session_id": "s", "parts": [1]}, "$.parts[0]"),
        ({"session_id": "s", "parts": {}}, "$.parts"),
        ({"session_id": "s", "metadata": []}, "$.metadata"),
        ({"session_id": "s", "token_count": -1}, "$.token_count"),
        ({"session_id": "s", "token_count": 2**63}, "$.token_count"),
        ({"session_id": "s", "token_count": True}, "$.token_count"),
        ({"session_id": "s", "input_tokens": 1.5}, "$.input_tokens"),
        ({"session_id": "s", "expected_last_id": -1}, "$.expected_last_id"),
        ({"session_id": "s", "model": "a\nb"}, "$.model"),
        ({"working_dir": "x"}, "$.working_dir"),
        ({"session_id": "s", "surprise": 1}, "$.surprise"),
    ],
)
def test_a_wrong_parameter_is_named(wire: Wire, params: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.append", **{"role": "user", "content": "x", **params})
    assert caught.value.data["path"] == path


@pytest.mark.parametrize("missing", ["role", "content"])
def test_a_missing_parameter_is_named(wire: Wire, session: str, missing: str) -> None:
    params = {"session_id": session, "role": "user", "content": "x"}
    del params[missing]
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.append", **params)
    assert caught.value.data["path"] == f"$.{missing}"


def test_null_counts_as_left_out(wire: Wire, session: str) -> None:
    nulls: dict[str, Any] = dict.fromkeys(
        ["parts", "token_count", "model", "key", "metadata", "is_summary", "expected_last_id", "bot_id"]
    )
    assert append(wire, session, working_dir=None, **nulls)["duplicate"] is False
    message = {"role": "user", "content": "x", **dict.fromkeys(["parts", "is_summary", "metadata", "key"])}
    many = wire.call("message.append_many", session_id=session, messages=[message])
    stored = wire.call("message.get", message_id=many["message_ids"][0])
    assert (stored["is_summary"], stored["metadata"], stored["parts"]) == (False, {}, None)


def test_many_messages_are_stored_in_order_with_growing_ids(wire: Wire, session: str) -> None:
    messages = [{"role": "user", "content": f"{index}", "input_tokens": 1} for index in range(1000)]
    many = wire.call("message.append_many", session_id=session, messages=messages, expected_last_id=0)
    assert many["message_ids"] == sorted(set(many["message_ids"]))
    assert contents(wire.call("message.list", session_id=session)) == [f"{index}" for index in range(1000)]
    found = wire.call("session.get", session_id=session)
    assert (found["message_count"], found["input_tokens"]) == (1000, 1000)


def test_a_thousand_and_one_messages_are_too_many_and_none_is_stored(wire: Wire, session: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.append_many", session_id=session, messages=[{"role": "user", "content": ""}] * 1001)
    assert caught.value.data["path"] == "$.messages"
    assert wire.call("message.count", session_id=session) == {"count": 0}


def test_many_are_stored_all_or_not_at_all(wire: Wire, session: str) -> None:
    append(wire, session, "taken", key="k")
    before = wire.call("session.get", session_id=session)
    with pytest.raises(Conflict):
        wire.call(
            "message.append_many",
            session_id=session,
            messages=[{"role": "user", "content": "new"}, {"role": "user", "content": "other", "key": "k"}],
        )
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.append_many", session_id=session, messages=[{"role": "user", "content": ""}, {"role": "x"}])
    assert caught.value.data["path"] == "$.messages[1].role"
    assert wire.call("session.get", session_id=session) == before


def test_many_with_keys_can_be_sent_again_whole(wire: Wire, session: str) -> None:
    messages = [{"role": "user", "content": f"{index}", "key": f"k{index}"} for index in range(3)]
    first = wire.call("message.append_many", session_id=session, messages=messages, expected_last_id=0)
    again = wire.call("message.append_many", session_id=session, messages=messages, expected_last_id=0)
    assert again == {**first, "duplicates": 3}
    twice = wire.call("message.append_many", session_id=session, messages=[messages[0]] * 2)
    assert twice["message_ids"] == [first["message_ids"][0]] * 2
    assert wire.call("message.append_many", session_id=session, messages=[])["message_ids"] == []


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


def test_messages_before_an_id_are_deleted_and_counted(server: Server, wire: Wire, session: str) -> None:
    made = [append(wire, session, f"{index}", key=f"k{index}", input_tokens=1)["message_id"] for index in range(4)]
    server.clock.pass_time(SECOND)
    assert wire.call("message.delete_before", session_id=session, before_id=made[2]) == {"deleted": 2}
    assert wire.call("message.delete_before", session_id=session, before_id=made[2]) == {"deleted": 0}
    assert contents(wire.call("message.list", session_id=session)) == ["2", "3"]
    found = wire.call("session.get", session_id=session)
    assert (found["message_count"], found["input_tokens"]) == (2, 4), "what was used stays used"
    assert found["updated_at"] == server.clock.at
    assert append(wire, session, "0", key="k0")["duplicate"] is False
    with pytest.raises(NotFound):
        wire.call("message.delete_before", session_id="unknown", before_id=1)


def test_the_front_of_a_long_session_is_gone_at_once(server: Server, wire: Wire, session: str) -> None:
    messages = [{"role": "user", "content": f"{index}"} for index in range(1000)]
    made = wire.call("message.append_many", session_id=session, messages=messages)["message_ids"]
    assert wire.call("message.delete_before", session_id=session, before_id=made[-1]) == {"deleted": 999}
    assert contents(wire.call("message.list", session_id=session)) == ["999"]
    assert contents(wire.call("message.list")) == ["999"]
    assert wire.call("session.list")["sessions"][0]["preview"] == "999"
    assert wire.call("message.delete_before", session_id=session, before_id=made[-1]) == {"deleted": 0}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_ids_grow_even_after_the_newest_was_deleted(wire: Wire, session: str) -> None:
    last = append(wire, session)["message_id"]
    wire.call("message.delete_before", session_id=session, before_id=last + 1)
    assert append(wire, session)["message_id"] > last


def test_what_is_appended_while_a_long_front_is_purged_stays(server: Server, wire: Wire, session: str) -> None:
    messages = [{"role": "user", "content": "old"}] * 1000
    for _ in range(3):
        wire.call("message.append_many", session_id=session, messages=messages)
    wire.post("message.delete_before", session_id=session, before_id=2**63 - 1)
    wire.post("message.append", session_id=session, role="user", content="new")
    assert [wire.answer()["result"].get("deleted") for _ in range(2)] == [3000, None]
    assert contents(wire.call("message.list", session_id=session)) == ["new"]
    server.restart()
    wire = server.connect()
    assert contents(wire.call("message.list", session_id=session)) == ["new"]
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_retry_is_told_whether_the_first_append_resumed(wire: Wire) -> None:
    wire.call("session.resolve", working_dir=HERE)
    first = wire.call("message.append", working_dir=HERE, role="user", content="x", key="k")
    assert first["resumed"] is True
    assert wire.call("message.append", working_dir=HERE, role="user", content="x", key="k") == {
        **first,
        "duplicate": True,
    }


@pytest.mark.parametrize(("one", "other"), [(True, 1), (1, 1.0), (0, False), (None, 0)])
def test_parts_that_only_python_takes_for_equal_are_a_conflict(wire: Wire, session: str, one: Any, other: Any) -> None:
    append(wire, session, key="k", parts=[{"a": one}])
    with pytest.raises(Conflict) as caught:
        append(wire, session, key="k", parts=[{"a": other}])
    assert caught.value.data == {"reason": "key"}


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


def test_many_at_once_are_accounted_for_as_one_after_the_other(wire: Wire, session: str) -> None:
    largest = 2**63 - 1
    append(wire, session, "first", role="assistant", key="a")
    ids = wire.call(
        "message.append_many",
        session_id=session,
        messages=[
            {"role": "assistant", "content": "first", "key": "a"},
            {"role": "user", "content": " ", "key": "b", "input_tokens": largest},
            {"role": "user", "content": "named by this", "input_tokens": largest, "output_tokens": 2},
            {"role": "user", "content": "not by this", "output_tokens": 3},
            {"role": "user", "content": " ", "key": "b"},
        ],
    )["message_ids"]
    assert ids[0] < ids[1] < ids[2] < ids[3]
    assert ids[4] == ids[1]
    found = wire.call("session.get", session_id=session)
    assert found["name"] == "named by this - 2026-11-21_14-30"
    assert (found["message_count"], found["input_tokens"], found["output_tokens"]) == (4, largest, 5)


@pytest.mark.parametrize("place", [{"session_id": "s"}, {"working_dir": HERE}], ids=["session", "directory"])
@pytest.mark.parametrize(("over", "way"), [(0, "queue_grouped"), (1, "write")])
def test_small_messages_are_brief_writes_and_larger_ones_keep_nobody_from_the_loop(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, place: dict[str, str], over: int, way: str
) -> None:
    wire.call("session.create", id="s", working_dir=HERE)
    ways: list[str] = []
    for name in ("write", "queue", "queue_grouped"):
        monkeypatch.setattr(Store, name, noting(ways, name, getattr(Store, name)))
    content = "é" * (appending.INLINE_BYTES // 2) + "x" * over
    wire.call("message.append", role="user", content=content, **place)
    assert ways == [way]
    assert contents(wire.call("message.list", session_id="s")) == [content]


def noting(ways: list[str], name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which notes its name for an append."""

    async def noted(store: Store, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query in (appending.append, appending.append_to_place, append_group.append_one):
            ways.append(name)
        return await method(store, query, *args, **kwargs)

    return noted
