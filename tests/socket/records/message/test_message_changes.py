"""Messages are changed, deleted and replaced, and appends use keys, creation and positions as the contract says."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from segue.errors import Conflict, InvalidParams, NotFound
from tests.support.clock import DAY, MINUTE
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create", id="s")["id"]
    return found


def append(wire: Wire, content: Any = "x", role: str = "user", session: str = "s", **more: Any) -> Any:
    return wire.call("message.append", session_id=session, role=role, content=content, **more)


def contents(wire: Wire, **params: Any) -> list[str]:
    return [message["content"] for message in wire.call("message.list", session_id="s", **params)["messages"]]


def hits(wire: Wire, query: str) -> list[int]:
    return [hit["message_id"] for hit in wire.call("message.search", query=query)["hits"]]


def test_an_edit_changes_search_name_and_time_and_emits_an_event(server: Server, wire: Wire, session: str) -> None:
    id = append(wire, "zebra crossing")["message_id"]
    follower = server.connect()
    follower.call("events.subscribe", kinds=["message.updated"])
    server.clock.pass_time(MINUTE)
    changed = wire.call("message.update", message_id=id, content="lion den", output_tokens=7)
    assert (changed["content"], changed["updated_at"], changed["state"]) == ("lion den", server.clock.at, "complete")
    assert follower.event()["data"] == changed
    assert (hits(wire, "zebra"), hits(wire, "lion")) == ([], [id])
    found = wire.call("session.get", session_id="s")
    assert (found["name"][:8], found["output_tokens"]) == ("lion den", 7)
    again = wire.call("message.update", message_id=id, metadata={"a": 1})
    assert again["updated_at"] > changed["updated_at"]
    assert wire.call("message.update", message_id=id, metadata=None)["metadata"] == {}


@pytest.mark.parametrize("given", [True, False])
def test_emptied_content_becomes_the_text_of_the_parts(wire: Wire, session: str, given: bool) -> None:
    parts = [{"type": "text", "text": "one"}]
    id = append(wire, "written", parts=None if given else parts)["message_id"]
    changed = wire.call("message.update", message_id=id, content="", **({"parts": parts} if given else {}))
    assert (changed["content"], changed["parts"]) == ("one", parts)
    assert (hits(wire, "written"), hits(wire, "one")) == ([], [id])


def test_null_content_is_only_taken_with_parts(wire: Wire, session: str) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "input_text", "text": "two"}, {"type": "image"}]
    ids = [append(wire, parts)["message_id"], append(wire, None, parts=parts)["message_id"]]
    for id in ids:
        message = wire.call("message.get", message_id=id)
        assert (message["content"], message["parts"]) == ("one\ntwo", parts)
    changed = wire.call("message.update", message_id=ids[0], parts=[{"type": "text", "text": "three"}])
    assert changed["content"] == "three"
    with pytest.raises(InvalidParams) as caught:
        wire.call("message.append", session_id="s", role="user")
    assert caught.value.data["path"] == "$.content"
    with pytest.raises(InvalidParams):
        wire.call("message.update", message_id=ids[0], content=None)


def test_deleted_messages_leave_the_search_the_count_and_an_event(server: Server, wire: Wire, session: str) -> None:
    ids = [append(wire, f"zebra {number}", key=f"k{number}")["message_id"] for number in range(4)]
    follower = server.connect()
    follower.call("events.subscribe", kinds=["messages.deleted"])
    assert wire.call("message.delete", session_id="s", message_ids=[ids[1], 999]) == {"deleted": 1}
    assert follower.event()["data"] == {"message_ids": [ids[1]], "deleted": 1}
    assert wire.call("message.delete", session_id="s", keys=["k3", "none"]) == {"deleted": 1}
    assert sorted(hits(wire, "zebra")) == [ids[0], ids[2]]
    assert wire.call("message.count", session_id="s") == {"count": 2}
    assert append(wire, "next", expected_last_id=ids[2])["message_id"] > ids[3]
    assert wire.call("daemon.check", full=True)["ok"]
    with pytest.raises(InvalidParams):
        wire.call("message.delete", session_id="s")
    with pytest.raises(NotFound):
        wire.call("message.delete", session_id="none", message_ids=[1])


def test_replace_removes_and_appends_in_one_step_and_repeats_its_result(wire: Wire, session: str) -> None:
    ids = [append(wire, text)["message_id"] for text in ("a", "b", "c")]
    popped = wire.call("message.replace", session_id="s", last=1, return_removed=True)
    assert [message["content"] for message in popped["removed_messages"]] == ["c"]
    assert (popped["removed"], popped["last_id"]) == (1, ids[1])
    new = [{"role": "user", "content": "B"}, {"role": "assistant", "content": "C"}]
    params = {"session_id": "s", "from_id": ids[1], "messages": new, "key": "r", "expected_last_id": ids[1]}
    replaced = wire.call("message.replace", **params)
    assert (contents(wire), replaced["removed"]) == (["a", "B", "C"], 1)
    assert wire.call("message.replace", **params) == replaced
    assert wire.call("message.replace", session_id="s", from_id=0)["removed"] == 3
    assert (contents(wire), wire.call("message.count", session_id="s")) == ([], {"count": 0})
    assert wire.call("message.replace", session_id="new", last=0, messages=new, create=True)["removed"] == 0


def test_a_used_key_is_kept_or_replaced_on_request(wire: Wire, session: str) -> None:
    first = append(wire, "one", key="k")
    assert append(wire, "two", key="k", on_key="keep") == {**first, "duplicate": True}
    assert append(wire, "two", key="k", on_key="replace") == {**first, "replaced": True}
    assert append(wire, "two", key="k", on_key="replace") == {**first, "duplicate": True}
    many = [{"role": "user", "content": text, "key": key} for text, key in (("two", "k"), ("new", "n"), ("3", "k"))]
    result = wire.call("message.append_many", session_id="s", messages=many, on_key="replace")
    assert (result["duplicates"], result["replaced"], contents(wire)) == (1, 1, ["3", "new"])


def test_create_makes_the_session_of_an_append(wire: Wire) -> None:
    create = {"working_dir": "/w", "tags": ["b", "a"], "created_at": "2020-01-01T00:00:00.000Z"}
    append(wire, "x", session="made", create=create)
    made = wire.call("session.get", session_id="made")
    assert (made["working_dir"], made["tags"], made["created_at"][:4]) == ("/w", ["a", "b"], "2020")
    append(wire, "y", session="made", create=True)
    assert wire.call("message.count", session_id="made") == {"count": 2}


def test_a_given_time_is_at_most_a_day_ahead_and_moves_no_session_back(
    server: Server, wire: Wire, session: str
) -> None:
    before = wire.call("session.get", session_id="s")["last_message_at"]
    assert append(wire, created_at="2020-01-01T00:00:00.000Z")["created_at"] == "2020-01-01T00:00:00.000Z"
    assert wire.call("session.get", session_id="s")["last_message_at"] == before
    with pytest.raises(InvalidParams) as caught:
        append(wire, created_at="2030-01-01T00:00:00.000Z")
    assert caught.value.data["path"] == "$.created_at"
    server.clock.jump(-DAY)
    append(wire)
    assert wire.call("session.get", session_id="s")["last_message_at"] == before


def test_pages_are_found_by_key_and_position(wire: Wire, session: str) -> None:
    ids = [append(wire, f"{number}", key=f"k{number}" if number % 2 else None)["message_id"] for number in range(9)]
    assert contents(wire, keys=["k5", "k1", "none"]) == ["1", "5"]
    assert contents(wire, key_prefix="k") == ["1", "3", "5", "7"]
    page = wire.call("message.list", session_id="s", around_id=ids[4], limit=3)
    assert ([one["id"] for one in page["messages"]], page["first_index"], page["total"]) == (ids[3:6], 3, 9)
    assert contents(wire, around_id=ids[8], limit=3) == ["6", "7", "8"]
    assert contents(wire, around_id=ids[0], limit=3) == ["0", "1", "2"]
    append(wire, "long text", parts=[{"type": "data", "a": ["12345678"]}])
    cut = wire.call("message.list", session_id="s", after_id=ids[8], text_chars=4)["messages"][0]
    assert (cut["content"], cut["parts"][0]["a"]) == ("long", ["1234"])
    assert cut["cut"] == {"content": 9, "parts[0].a[0]": 8}


@pytest.mark.parametrize("prefix", ["", "%", "place/of/many/keys/", "place/of/many/keys/\U0010ffff", "é_"])
def test_a_prefix_of_keys_is_literal_and_of_its_session(wire: Wire, session: str, prefix: str) -> None:
    keys = [f"{prefix}{rest}" for rest in ("!", "a", "\U0010ffff", "\U0010ffffz")]
    wire.call("session.create", id="other")
    for key in (*keys, "0", "x", "place/of/many/keys0", "place/of/many/key", "\U0010ffff" * 50):
        for id in ("other", "s"):
            append(wire, key, session=id, key=key)
    append(wire, "without a key")
    expected = [key for key in contents(wire) if key.startswith(prefix) and key != "without a key"]
    assert contents(wire, key_prefix=prefix) == expected
    assert contents(wire, key_prefix=prefix, order="desc", limit=2) == expected[::-1][:2]
    assert contents(wire, key_prefix=prefix, keys=keys) == keys


def test_a_message_that_is_not_indexed_is_never_found(wire: Wire, session: str) -> None:
    id = append(wire, "zebra", indexed=False)["message_id"]
    assert hits(wire, "zebra") == []
    wire.call("message.update", message_id=id, content="zebra again")
    assert hits(wire, "zebra") == []
    assert wire.call("daemon.check", full=True)["ok"]


@pytest.mark.parametrize(("given", "stored"), [("developer", "system"), ("function", "tool"), ("model", "assistant")])
def test_roles_of_other_programs_are_stored_as_one_of_four(wire: Wire, session: str, given: str, stored: str) -> None:
    id = append(wire, "x", role=given)["message_id"]
    assert wire.call("message.get", message_id=id)["role"] == stored


def test_an_edited_text_is_gone_from_the_file(server: Server, wire: Wire, session: str) -> None:
    id = append(wire, "unforgettable zebra")["message_id"]
    assert hits(wire, "unforgettable") == [id]
    wire.call("message.update", message_id=id, content="other")
    wait_until(lambda: not wire.call("daemon.status")["privacy"]["deleted_remains"])
    server.stop()
    with closing(sqlite3.connect(server.database)) as connection:
        assert connection.execute("SELECT content FROM messages").fetchall() == [("other",)]
    assert b"unforgettable" not in server.database.read_bytes()


def test_two_updates_never_share_a_time_and_an_old_time_is_a_conflict(wire: Wire, session: str) -> None:
    one = wire.call("session.update", session_id="s", metadata={"a": {"b": 1}, "c": 2})
    two = wire.call("session.update", session_id="s", metadata_merge={"a": {"d": 3}, "c": None})
    assert two["updated_at"] > one["updated_at"]
    assert two["metadata"] == {"a": {"b": 1, "d": 3}}
    with pytest.raises(Conflict) as caught:
        wire.call("session.update", session_id="s", name="n", expected_updated_at=one["updated_at"])
    assert caught.value.data == {"reason": "updated_at", "updated_at": two["updated_at"]}


def test_a_cursor_pages_through_all_sessions_once(wire: Wire) -> None:
    ids = [wire.call("session.create", tags=["t"], metadata={"n": 1})["id"] for _ in range(7)]
    seen: list[str] = []
    cursor = None
    while True:
        page = wire.call("session.list", limit=3, cursor=cursor, with_metadata=True, tags=["t"], metadata={"n": 1})
        seen += [one["id"] for one in page["sessions"]]
        assert all(one["metadata"] == {"n": 1} for one in page["sessions"])
        wire.call("session.create", tags=["t"], metadata={"n": 1})
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ids[::-1]
    wire.call("session.update", session_id=ids[0], archived=True)
    assert ids[0] not in [one["id"] for one in wire.call("session.list", limit=100)["sessions"]]
    assert [one["id"] for one in wire.call("session.list", archived=True)["sessions"]] == [ids[0]]


def test_projects_and_terminals_decide_what_is_continued(wire: Wire) -> None:
    first = wire.call("session.resolve", working_dir="/p/a", project="/p", scope="project", terminal="t1")["session"]
    there = {"working_dir": "/p/b", "project": "/p", "scope": "project"}
    assert wire.call("session.resolve", **there)["session"]["id"] == first["id"]
    second = wire.call("session.resolve", **there, terminal="t2")
    assert (second["resumed"], second["others"]) == (False, 1)
    assert wire.call("session.resolve", **there, terminal="t1")["session"]["id"] == first["id"]
    assert wire.call("session.resolve", **there, terminal="t2")["session"]["id"] == second["session"]["id"]
    wire.call("session.update", session_id=first["id"], archived=True)
    assert wire.call("session.resolve", **there, terminal="t1")["resumed"] is False


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("<env>\n</env>\n <note a='b'>x</note> fix the bug", "fix the bug"),
        ("# AGENTS.md instructions for /x\n\n<INSTRUCTIONS>a</INSTRUCTIONS>\nhello", "hello"),
        ("# AGENTS.md instructions for /x\nonly that", None),
        ("<note><note>inner</note>outer</note> hello", "hello"),
        ("<note>about <note> tags</note> hello", "hello"),
        ("/clear", None),
        ("/srv/x is broken", "/srv/x is broken"),
        ("<b>bold", "<b>bold"),
    ],
)
def test_injected_context_gives_no_name(wire: Wire, session: str, content: str, name: str | None) -> None:
    append(wire, content)
    found = wire.call("session.get", session_id="s")["name"]
    assert found is None if name is None else found.startswith(f"{name} - ")


def test_forks_of_one_session_have_names_that_differ(wire: Wire) -> None:
    wire.call("session.create", id="s", name="plan")
    made = [wire.call("session.fork", session_id="s") for _ in range(2)]
    made.append(wire.call("session.fork", session_id=made[0]["id"]))
    assert [one["name"] for one in made] == ["plan (fork)", "plan (fork 2)", "plan (fork 3)"]
    assert made[0]["parent_id"] == "s"


def test_a_current_fact_is_not_stored_twice(wire: Wire) -> None:
    one = wire.call("memory.save", fact="f", category="fact", importance=2)
    again = wire.call("memory.save", fact="f", category="fact", importance=5)
    assert again == {**one, "importance": 5, "duplicate": True}
    assert wire.call("memory.list")["total"] == 1
