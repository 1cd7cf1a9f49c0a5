"""A fork has the summaries of the messages that it holds, with the ids of its copies."""

from typing import Any

import pytest

from tests.socket.records.fork.calls import append, fork, messages
from tests.support.clock import SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire


def summarise(wire: Wire, session: str, start: int, end: int, text: str = "s") -> Any:
    return wire.call(
        "summary.save", session_id=session, summary=text, messages_start=start, messages_end=end, token_count=3
    )


def test_summaries_inside_the_range_come_along_with_the_ids_of_the_copies(
    server: Server, wire: Wire, session: str
) -> None:
    ids = [append(wire, session, f"{index}") for index in range(5)]
    other = wire.call("session.create")["id"]
    append(wire, other, "between")
    first = summarise(wire, session, ids[0], ids[1], "first")
    second = summarise(wire, session, ids[1], ids[2], "second")
    summarise(wire, session, ids[1], ids[4], "reaches too far")
    server.clock.pass_time(SECOND)
    made = fork(wire, session, upto_message_id=ids[2])["id"]
    copies = [message["id"] for message in messages(wire, made)]
    latest = wire.call("summary.latest", session_id=made)
    assert latest == {
        **second, "id": latest["id"], "session_id": made, "messages_start": copies[1], "messages_end": copies[2],
    }  # fmt: skip
    shorter = fork(wire, session, upto_message_id=ids[1])["id"]
    assert wire.call("summary.latest", session_id=shorter)["summary"] == first["summary"]
    assert wire.call("summary.latest", session_id=fork(wire, session, upto_message_id=ids[0])["id"]) is None
    assert wire.call("summary.latest", session_id=session)["summary"] == "reaches too far"


@pytest.mark.parametrize("held", [0, 1, 2])
def test_a_summary_of_messages_that_are_deleted_covers_none_of_those_that_are_held(
    wire: Wire, session: str, held: int
) -> None:
    ids = [append(wire, session, f"{index}") for index in range(3)]
    saved = summarise(wire, session, ids[0], ids[2 - held])
    wire.call("message.delete_before", session_id=session, before_id=ids[2 - held] + 1)
    before = wire.call("context.build", session_id=session)
    made = fork(wire, session)["id"]
    context = wire.call("context.build", session_id=made)
    assert [one["content"] for one in context["messages"]] == [one["content"] for one in before["messages"]]
    assert len(context["messages"]) == held
    assert (context["summary"]["summary"], context["summary"]["token_count"]) == (saved["summary"], 3)
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_summary_whose_first_messages_are_deleted_covers_the_rest_of_them(wire: Wire, session: str) -> None:
    ids = [append(wire, session, f"{index}") for index in range(4)]
    summarise(wire, session, ids[0], ids[2])
    wire.call("message.delete_before", session_id=session, before_id=ids[1])
    made = fork(wire, session)["id"]
    copies = [message["id"] for message in messages(wire, made)]
    latest = wire.call("summary.latest", session_id=made)
    assert (latest["messages_start"], latest["messages_end"]) == (copies[0], copies[1])


def test_a_fork_continues_after_the_same_message_if_those_that_a_summary_covers_are_deleted(
    wire: Wire, session: str
) -> None:
    ids = [append(wire, session, f"{index}") for index in range(3)]
    summarise(wire, session, ids[1], ids[1])
    wire.call("message.delete", session_id=session, message_ids=[ids[1]])
    before = wire.call("context.build", session_id=session)
    made = fork(wire, session)["id"]
    copies = [message["id"] for message in messages(wire, made)]
    latest = wire.call("summary.latest", session_id=made)
    assert (latest["messages_start"], latest["messages_end"]) == (copies[0], copies[0])
    context = wire.call("context.build", session_id=made)
    assert [one["content"] for one in context["messages"]] == [one["content"] for one in before["messages"]] == ["2"]
