"""An export holds everything of a session, of one moment, in pages."""

from typing import Any

import pytest

from segue.config import Config, Limits
from segue.errors import InvalidParams, NotFound
from tests.support.wire import Wire


@pytest.fixture
def config() -> Config:
    return Config(limits=Limits(answer_bytes=2000))


def pages(wire: Wire, session: str) -> list[dict[str, Any]]:
    found = [wire.call("session.export", session_id=session)]
    while cursor := found[-1]["next_cursor"]:
        found.append(wire.call("session.export", session_id=session, cursor=cursor))
    return found


def filled(wire: Wire) -> str:
    session: str = wire.call("session.create", working_dir="/srv/a", name="zebra")["id"]
    ids = [
        wire.call("message.append", session_id=session, role="user", content=f"message {number} " + "x" * 200)
        for number in range(10)
    ]
    first, last = ids[0]["message_id"], ids[-1]["message_id"]
    for number in range(10):
        about = {"session_id": session, "summary": f"summary {number} " + "x" * 200, "messages_start": first}
        wire.call("summary.save", **about, messages_end=last, token_count=1)
        fact = {"session_id": session, "fact": f"fact {number} " + "x" * 200, "category": "fact"}
        wire.call("memory.save", **fact, importance=3)
    return session


def test_all_rows_come_once_in_order_on_pages_of_bounded_size(wire: Wire) -> None:
    session = filled(wire)
    found = pages(wire, session)
    assert len(found) > 5
    for kind, word in (("messages", "content"), ("summaries", "summary"), ("memories", "fact")):
        rows = [row for page in found for row in page[kind]]
        assert [row[word].split()[1] for row in rows] == [str(number) for number in range(10)]
        assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {page["session"]["id"] for page in found} == {session}


def test_messages_appended_after_the_first_page_are_left_out(wire: Wire) -> None:
    session = filled(wire)
    first = wire.call("session.export", session_id=session)
    wire.call("message.append", session_id=session, role="user", content="too late")
    found = wire.call("session.export", session_id=session, cursor=first["next_cursor"])
    while True:
        assert "too late" not in [message["content"] for message in found["messages"]]
        if found["next_cursor"] is None:
            break
        found = wire.call("session.export", session_id=session, cursor=found["next_cursor"])


def test_an_empty_session_is_one_page(wire: Wire) -> None:
    session = wire.call("session.create")
    found = wire.call("session.export", session_id=session["id"])
    rows: dict[str, Any] = {"messages": [], "summaries": [], "memories": [], "unindexed": [], "extraction": None}
    assert found == {"session": session, **rows, "activity": 1, "next_cursor": None}


def test_a_superseded_memory_is_exported_too(wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    old = wire.call("memory.save", session_id=session, fact="tabs", category="fact", importance=1)
    wire.call("memory.save", session_id=session, fact="spaces", category="fact", importance=1, supersedes=old["id"])
    assert [row["fact"] for row in pages(wire, session)[0]["memories"]] == ["tabs", "spaces"]


@pytest.mark.parametrize("cursor", ["", "x", "3-1-1", "0-1", "0-99999999999999999999-1", "0-1-1-1", "-1-1-1"])
def test_a_cursor_of_another_form_is_refused(wire: Wire, cursor: str) -> None:
    session = wire.call("session.create")["id"]
    with pytest.raises(InvalidParams) as refused:
        wire.call("session.export", session_id=session, cursor=cursor)
    assert refused.value.data["path"] == "$.cursor"


def test_an_unknown_session_is_not_found(wire: Wire) -> None:
    with pytest.raises(NotFound):
        wire.call("session.export", session_id="none")
