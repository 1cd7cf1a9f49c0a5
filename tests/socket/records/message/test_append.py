"""Messages are stored as given and counted, they name their session, and many are stored all or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from segue.errors import Conflict, InvalidParams
from segue.store.records import append as appending
from segue.store.records.message import append_group
from segue.store.store import Store
from tests.socket.records.conftest import HERE
from tests.socket.records.message.calls import append, contents
from tests.support.clock import HOUR
from tests.support.inprocess import Server
from tests.support.wire import Wire


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


def test_many_concurrent_appends_are_counted_as_one_after_the_other(wire: Wire, session: str) -> None:
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
def test_small_messages_are_brief_writes_and_larger_ones_do_not_block_the_loop(
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
    """Return the method, which notes its name for an append."""

    async def noted(store: Store, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query in (appending.append, appending.append_to_place, append_group.append_one):
            ways.append(name)
        return await method(store, query, *args, **kwargs)

    return noted
