"""Forks: a conversation that continues in two directions from the same past."""

from typing import Any

import pytest

from segue.errors import Conflict, InvalidParams, NotFound
from tests.socket.records.conftest import HERE
from tests.socket.records.fork.calls import append, fork, messages
from tests.support.clock import DAY, HOUR, MINUTE
from tests.support.inprocess import Server
from tests.support.wire import Wire


def without_ids(several: list[Any]) -> list[Any]:
    return [{**message, "id": None, "session_id": None} for message in several]


def test_a_fork_has_what_the_original_has_and_is_new(server: Server, wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    origin = wire.call(
        "session.create", working_dir=HERE, bot_id="ada", name="n", provider="p", model="m", system_prompt="s",
        pinned=True, metadata={"a": [1]},
    )  # fmt: skip
    server.clock.pass_time(MINUTE)
    append(wire, origin["id"], input_tokens=5)
    origin = wire.call("session.end", session_id=origin["id"])
    server.clock.pass_time(HOUR)
    made = fork(wire, origin["id"])
    at = server.clock.at
    assert made == {
        **origin, "id": "2026-11-21-1531-123", "metadata": {"a": [1], "forked_from": origin["id"]}, "pinned": False,
        "name": "n (fork)", "parent_id": origin["id"],
        "status": "active", "ended_at": None, "created_at": at, "updated_at": at, "last_message_at": at,
    }  # fmt: skip
    assert wire.call("session.get", session_id=made["id"]) == made
    assert wire.call("session.get", session_id=origin["id"]) == origin


def test_a_fork_holds_copies_of_all_messages_with_their_times_and_keys(
    server: Server, wire: Wire, session: str
) -> None:
    append(wire, session, "one", key="k1", metadata={"a": 1}, parts=[{"type": "t"}])
    server.clock.pass_time(MINUTE)
    append(
        wire, session, "two", "assistant", token_count=1, input_tokens=2, output_tokens=3, model="m",
        stop_reason="stop", response_ms=4,
    )  # fmt: skip
    append(wire, session, "three", "system", is_summary=True)
    server.clock.pass_time(MINUTE)
    before = messages(wire, session)
    made = fork(wire, session)
    copies = messages(wire, made["id"])
    assert without_ids(copies) == without_ids(before)
    assert {copy["session_id"] for copy in copies} == {made["id"]}
    assert min(copy["id"] for copy in copies) > before[-1]["id"]
    assert (made["message_count"], made["input_tokens"], made["output_tokens"]) == (3, 2, 3)
    assert messages(wire, session) == before


def test_a_fork_up_to_a_message_ends_with_it_and_counts_only_what_it_holds(wire: Wire, session: str) -> None:
    ids = [append(wire, session, f"{index}", input_tokens=1, output_tokens=10) for index in range(4)]
    made = fork(wire, session, upto_message_id=ids[1])
    assert [message["content"] for message in messages(wire, made["id"])] == ["0", "1"]
    assert (made["message_count"], made["input_tokens"], made["output_tokens"]) == (2, 2, 20)
    assert wire.call("message.count", session_id=session) == {"count": 4}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_the_counters_of_a_fork_are_of_its_messages_not_of_those_deleted_before(wire: Wire, session: str) -> None:
    ids = [append(wire, session, f"{index}", input_tokens=1) for index in range(3)]
    wire.call("message.delete_before", session_id=session, before_id=ids[2])
    assert wire.call("session.get", session_id=session)["input_tokens"] == 3
    made = fork(wire, session)
    assert (made["message_count"], made["input_tokens"]) == (1, 1)


def test_the_counters_of_a_fork_stop_at_the_largest_integer(wire: Wire, session: str) -> None:
    for _ in range(2):
        append(wire, session, input_tokens=2**63 - 1, output_tokens=2**63 - 1)
    made = fork(wire, session)
    assert (made["input_tokens"], made["output_tokens"]) == (2**63 - 1, 2**63 - 1)


def test_a_fork_of_nothing_is_empty(wire: Wire, session: str) -> None:
    assert fork(wire, session)["message_count"] == 0


def test_both_continue_by_themselves(wire: Wire, session: str) -> None:
    append(wire, session, "common", key="k")
    made = fork(wire, session)["id"]
    append(wire, session, "here")
    append(wire, made, "there")
    assert [message["content"] for message in messages(wire, session)] == ["common", "here"]
    assert [message["content"] for message in messages(wire, made)] == ["common", "there"]
    wire.call("session.delete", session_id=session)
    assert [message["content"] for message in messages(wire, made)] == ["common", "there"]
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_key_works_in_the_fork_as_in_the_original(wire: Wire, session: str) -> None:
    append(wire, session, "x", key="k")
    made = fork(wire, session)["id"]
    (copy,) = messages(wire, made)
    again = wire.call("message.append", session_id=made, role="user", content="x", key="k")
    assert (again["message_id"], again["duplicate"]) == (copy["id"], True)
    with pytest.raises(Conflict) as caught:
        append(wire, made, "y", key="k")
    assert caught.value.data == {"reason": "key"}


def test_a_fork_is_the_one_that_its_directory_continues_even_of_an_old_session(server: Server, wire: Wire) -> None:
    old = wire.call("session.create", working_dir=HERE)["id"]
    wire.call("session.create", working_dir=HERE)
    server.clock.pass_time(DAY)
    made = fork(wire, old)["id"]
    found = wire.call("session.resolve", working_dir=HERE)
    assert (found["session"]["id"], found["resumed"]) == (made, True)
    assert wire.call("session.list", working_dir=HERE)["sessions"][0]["id"] == made


def test_a_name_may_be_given_and_a_fork_without_one_gets_it_from_its_first_user_message(
    wire: Wire, session: str
) -> None:
    assert fork(wire, session, name="other")["name"] == "other"
    nameless = fork(wire, session)
    assert nameless["name"] is None
    append(wire, nameless["id"], "hello")
    assert wire.call("session.get", session_id=nameless["id"])["name"] == "hello - 2026-11-21_14-30"


def test_a_fork_of_a_fork_names_the_one_it_was_made_of(wire: Wire, session: str) -> None:
    first = fork(wire, session)["id"]
    assert fork(wire, first)["metadata"] == {"forked_from": first}


def test_memories_and_the_queue_are_not_copied(wire: Wire, session: str) -> None:
    wire.call("memory.save", session_id=session, fact="f", category="fact", importance=1)
    wire.call("extraction.enqueue", session_id=session)
    made = fork(wire, session)["id"]
    assert wire.call("memory.list", session_id=made)["total"] == 0
    assert [entry["session_id"] for entry in wire.call("extraction.list")["extractions"]] == [session]


def test_a_fork_of_a_long_session_after_a_large_delete_holds_what_was_held(server: Server, wire: Wire) -> None:
    wire.call("session.create", id="big")
    for _ in range(3):
        many = wire.call("message.append_many", session_id="big", messages=[{"role": "user", "content": "x"}] * 1000)
    wire.call("message.delete_before", session_id="big", before_id=many["message_ids"][-5])
    made = fork(wire, "big")
    assert made["message_count"] == 5
    assert len(messages(wire, made["id"])) == 5
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_an_unknown_session_or_message_is_not_found_and_nothing_is_made(wire: Wire, session: str) -> None:
    deleted = append(wire, session)
    wire.call("message.delete_before", session_id=session, before_id=deleted + 1)
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"session_id": "nope"}, {"what": "session", "id": "nope"}),
        ({"session_id": session, "upto_message_id": 999}, {"what": "message", "id": 999}),
        ({"session_id": session, "upto_message_id": deleted}, {"what": "message", "id": deleted}),
    ]
    for params, data in cases:
        with pytest.raises(NotFound) as caught:
            wire.call("session.fork", **params)
        assert caught.value.data == data
    assert wire.call("session.list")["total"] == 1


def test_a_message_of_another_session_is_refused(wire: Wire, session: str) -> None:
    other = wire.call("session.create")["id"]
    foreign = append(wire, other)
    with pytest.raises(InvalidParams) as caught:
        fork(wire, session, upto_message_id=foreign)
    assert caught.value.data["path"] == "$.upto_message_id"
    assert wire.call("session.list")["total"] == 2
