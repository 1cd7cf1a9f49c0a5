"""Sessions: ids, lists, changes, ends and deletion."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from segue.errors import Conflict, InvalidParams, NotFound
from tests.support.clock import HOUR, MINUTE, SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire

HERE = "/srv/here"


def ids(page: dict[str, Any]) -> list[str]:
    return [session["id"] for session in page["sessions"]]


def test_a_generated_id_is_the_moment_in_utc(server: Server, wire: Wire) -> None:
    assert server.clock.at == "2026-11-21T14:30:00.123Z"
    assert wire.call("session.create")["id"] == "2026-11-21-1430-123"
    assert wire.call("session.create")["id"] == "2026-11-21-1430-124"


def test_fifteen_hundred_sessions_of_one_minute_have_distinct_ids_of_the_documented_form(wire: Wire) -> None:
    made = [wire.call("session.create")["id"] for _ in range(1500)]
    assert len(set(made)) == 1500
    assert all(re.fullmatch(r"2026-11-21-1430-\d{3,4}", id) for id in made)
    assert made[-1] == "2026-11-21-1430-1622"


def test_an_id_is_never_generated_again_even_after_a_delete(wire: Wire) -> None:
    first = wire.call("session.create")["id"]
    assert wire.call("session.delete", session_id=first) == {"deleted": True}
    assert wire.call("session.create")["id"] == "2026-11-21-1430-124"


def test_a_given_id_that_looks_generated_is_stepped_over(wire: Wire) -> None:
    wire.call("session.create", id="2026-11-21-1430-123")
    assert wire.call("session.create")["id"] == "2026-11-21-1430-124"


def test_a_given_id_that_exists_is_a_conflict(wire: Wire) -> None:
    wire.call("session.create", id="mine")
    with pytest.raises(Conflict) as caught:
        wire.call("session.create", id="mine")
    assert caught.value.data == {"reason": "exists"}


@pytest.mark.parametrize("id", ["", "-x", "a b", "a\n", "a\tb", "a\x7f", "x" * 129, "a\u0085", "a\u2003b"])
def test_an_id_with_space_control_leading_dash_or_129_characters_is_refused(wire: Wire, id: str) -> None:
    for method, member in (("session.create", "id"), ("session.get", "session_id"), ("session.delete", "session_id")):
        with pytest.raises(InvalidParams) as caught:
            wire.call(method, **{member: id})
        assert caught.value.data["path"] == f"$.{member}"


def test_an_id_of_128_characters_of_any_script_is_fine(wire: Wire) -> None:
    assert wire.call("session.create", id="é" * 128)["id"] == "é" * 128


def test_a_new_session_has_every_member_of_the_contract(server: Server, wire: Wire) -> None:
    made = wire.call("session.create", working_dir=HERE, name="n", pinned=True, metadata={"a": [1, {"b": None}]})
    at = server.clock.at
    assert made == {
        "id": "2026-11-21-1430-123", "bot_id": "default", "working_dir": HERE, "name": "n", "provider": None,
        "model": None, "system_prompt": None, "status": "active", "pinned": True,
        "metadata": {"a": [1, {"b": None}]}, "created_at": at, "updated_at": at, "last_message_at": at,
        "ended_at": None, "message_count": 0, "input_tokens": 0, "output_tokens": 0, "project": None, "tags": [],
        "archived": False, "parent_id": None, "source": None, "retention_days": None,
    }  # fmt: skip
    assert wire.call("session.get", session_id=made["id"]) == made


@pytest.mark.parametrize(
    "method",
    ["session.get", "session.touch", "session.resume", "session.end", "message.count", "session.update"],
)
def test_an_unknown_session_is_not_found_by_name(wire: Wire, method: str) -> None:
    with pytest.raises(NotFound) as caught:
        wire.call(method, session_id="nope")
    assert caught.value.data == {"what": "session", "id": "nope"}


@pytest.mark.parametrize("working_dir", ["relative", "", "~/x", "./a", "a/../b", "/a\0b"])
def test_a_directory_that_is_not_absolute_is_refused(wire: Wire, working_dir: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("session.create", working_dir=working_dir)
    assert caught.value.data["path"] == "$.working_dir"


def test_a_list_is_newest_first_and_counts_all(server: Server, wire: Wire) -> None:
    made = []
    for _ in range(3):
        made.append(wire.call("session.create", working_dir=HERE)["id"])
        server.clock.pass_time(SECOND)
    wire.call("session.touch", session_id=made[0])
    page = wire.call("session.list", limit=2)
    assert (ids(page), page["total"]) == ([made[0], made[2]], 3)
    assert ids(wire.call("session.list", limit=2, offset=2)) == [made[1]]
    assert ids(wire.call("session.list", order_by="created_at")) == [made[2], made[1], made[0]]
    assert ids(wire.call("session.list", order_by="updated_at")) == [made[0], made[2], made[1]]


def test_equal_times_are_listed_in_order_of_activity(wire: Wire) -> None:
    made = [wire.call("session.create", working_dir=HERE)["id"] for _ in range(3)]
    wire.call("session.touch", session_id=made[1])
    for order in ("last_message_at", "created_at", "updated_at"):
        assert ids(wire.call("session.list", order_by=order)) == [made[1], made[2], made[0]]
        assert ids(wire.call("session.list", order_by=order, working_dir=HERE + "/")) == [made[1], made[2], made[0]]


def test_every_filter_of_a_list_is_literal(wire: Wire) -> None:
    a = wire.call("session.create", id="a_1", working_dir=HERE, name="100% Straße", pinned=True)["id"]
    b = wire.call("session.create", id="a%2", working_dir="/other", name="Plain")["id"]
    wire.call("session.end", session_id=b)
    cases: list[tuple[dict[str, object], list[str]]] = [
        ({"working_dir": HERE}, [a]),
        ({"bot_id": "default"}, [b, a]),
        ({"bot_id": "unknown"}, []),
        ({"status": "completed"}, [b]),
        ({"id_prefix": "a_"}, [a]),
        ({"id_prefix": "a%"}, [b]),
        ({"id_prefix": ""}, [b, a]),
        ({"name_contains": "STRASSE"}, [a]),
        ({"name_contains": "%"}, [a]),
        ({"name_contains": "_"}, []),
        ({"pinned": True}, [a]),
        ({"pinned": False}, [b]),
        ({"pinned": True, "status": "completed"}, []),
    ]
    for filter, expected in cases:
        page = wire.call("session.list", **filter)
        assert (ids(page), page["total"]) == (expected, len(expected)), filter


def test_the_preview_is_the_first_user_message_else_the_first_message(wire: Wire) -> None:
    session = wire.call("session.create")["id"]

    def preview(**options: object) -> object:
        return wire.call("session.list", **options)["sessions"][0]["preview"]

    def append(role: str, content: str, **more: object) -> int:
        found: int = wire.call("message.append", session_id=session, role=role, content=content, **more)["message_id"]
        return found

    assert preview() is None
    append("system", "a summary", is_summary=True)
    assert preview() == "a summary"
    append("assistant", "hello")
    assert preview() == "hello"
    first = append("user", " x\0y\n" + "é😀" * 100)
    assert preview() == (" x\0y\n" + "é😀" * 100)[:100]
    assert preview(preview_chars=7) == " x\0y\né😀"
    assert preview(preview_chars=0) == ""
    last = append("user", "later")
    wire.call("message.delete_before", session_id=session, before_id=last)
    assert preview() == "later"
    assert first < last


@pytest.mark.parametrize("chars", [0, 100])
def test_the_preview_of_an_empty_message_is_empty_and_not_that_of_another(wire: Wire, chars: int) -> None:
    session = wire.call("session.create")["id"]
    for role, content in (("system", ""), ("assistant", "hello"), ("user", ""), ("user", "later")):
        wire.call("message.append", session_id=session, role=role, content=content)
        assert wire.call("session.list", preview_chars=chars)["sessions"][0]["preview"] == ""


def test_an_update_changes_only_what_is_given_and_null_clears(server: Server, wire: Wire) -> None:
    made = wire.call("session.create", working_dir=HERE, name="n", model="m", system_prompt="s", metadata={"a": 1})
    server.clock.pass_time(SECOND)
    updated = wire.call("session.update", session_id=made["id"], name=None, model="m2", metadata=None)
    expected = {**made, "name": None, "model": "m2", "metadata": {}, "updated_at": server.clock.at}
    assert updated == expected
    server.clock.pass_time(SECOND)
    assert wire.call("session.update", session_id=made["id"]) == expected
    moved = wire.call("session.update", session_id=made["id"], working_dir="//x/y/", pinned=True, system_prompt=None)
    assert (moved["working_dir"], moved["pinned"], moved["system_prompt"]) == ("/x/y", True, None)
    assert wire.call("session.update", session_id=made["id"], working_dir=None)["working_dir"] is None


@pytest.mark.parametrize(
    "changes", [{"pinned": None}, {"name": ""}, {"name": "a\nb"}, {"name": "x" * 256}, {"nope": 1}]
)
def test_a_wrong_update_is_refused_and_changes_nothing(wire: Wire, changes: dict[str, object]) -> None:
    made = wire.call("session.create", name="n")
    with pytest.raises(InvalidParams) as caught:
        wire.call("session.update", session_id=made["id"], **changes)
    assert caught.value.data["path"] == f"$.{next(iter(changes))}"
    assert wire.call("session.get", session_id=made["id"]) == made


def test_a_touch_changes_times_only(server: Server, wire: Wire) -> None:
    made = wire.call("session.create")
    wire.call("session.end", session_id=made["id"])
    server.clock.pass_time(HOUR)
    touched = wire.call("session.touch", session_id=made["id"])
    assert (touched["last_message_at"], touched["updated_at"]) == (server.clock.at, server.clock.at)
    assert (touched["status"], touched["ended_at"]) == ("completed", made["created_at"])


def test_an_end_keeps_the_first_moment_and_takes_the_last_status(server: Server, wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    first = wire.call("session.end", session_id=session)
    server.clock.pass_time(MINUTE)
    again = wire.call("session.end", session_id=session, status="crashed")
    assert (again["status"], again["ended_at"]) == ("crashed", first["ended_at"])
    assert again["updated_at"] == server.clock.at


def test_a_resumed_session_is_active_and_the_one_its_directory_continues(server: Server, wire: Wire) -> None:
    old = wire.call("session.create", working_dir=HERE)["id"]
    wire.call("session.end", session_id=old)
    wire.call("session.create", working_dir=HERE)
    server.clock.pass_time(9 * HOUR)
    resumed = wire.call("session.resume", session_id=old)
    assert (resumed["status"], resumed["ended_at"], resumed["last_message_at"]) == ("active", None, server.clock.at)
    assert wire.call("session.resolve", working_dir=HERE)["session"]["id"] == old


def test_a_session_resumed_in_another_directory_moves_there(wire: Wire) -> None:
    session = wire.call("session.create", working_dir=HERE)["id"]
    assert wire.call("session.resume", session_id=session, working_dir="/there/")["working_dir"] == "/there"
    assert wire.call("session.resolve", working_dir="/there")["session"]["id"] == session
    assert wire.call("session.resolve", working_dir=HERE, create=False)["reason"] == "none"


def test_a_deleted_session_is_gone_with_its_messages(wire: Wire) -> None:
    session = wire.call("session.create")["id"]
    message = wire.call("message.append", session_id=session, role="user", content="x")["message_id"]
    assert wire.call("session.delete", session_id=session) == {"deleted": True}
    assert wire.call("session.delete", session_id=session) == {"deleted": False}
    assert wire.call("message.list", session_id=session)["messages"] == []
    with pytest.raises(NotFound):
        wire.call("message.get", message_id=message)
    with pytest.raises(NotFound):
        wire.call("message.append", session_id=session, role="user", content="x")


def test_a_large_session_is_gone_immediately_and_stays_gone_when_its_id_is_used_again(
    server: Server, wire: Wire
) -> None:
    wire.call("session.create", id="big")
    for _ in range(3):
        messages = [{"role": "user", "content": "x", "key": f"{index}"} for index in range(1000)]
        wire.call("message.append_many", session_id="big", messages=messages[:500])
        wire.call("message.append_many", session_id="big", messages=[{"role": "user", "content": "y"}] * 500)
    wire.call("session.delete", session_id="big")
    assert wire.call("message.list")["messages"] == []
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert wire.call("session.create", id="big")["message_count"] == 0
    again = wire.call("message.append", session_id="big", role="user", content="x", key="1", expected_last_id=0)
    assert again["duplicate"] is False
    assert [one["id"] for one in wire.call("message.list", session_id="big")["messages"]] == [again["message_id"]]
    assert wire.call("session.list")["sessions"][0]["preview"] == "x"
    server.restart()
    wire = server.connect()
    assert wire.call("message.count", session_id="big") == {"count": 1}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_session_dated_in_the_future_sorts_as_now(wire: Wire) -> None:
    now = datetime.fromisoformat(wire.call("session.create", id="now")["created_at"])
    wire.call("session.delete", session_id="now")
    hours = {"later": 20, "sooner": 10}
    for id, ahead in hours.items():
        at = (now + timedelta(hours=ahead)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        wire.call("session.create", id=id, created_at=at)
    assert [one["id"] for one in wire.call("session.list")["sessions"]] == ["sooner", "later"]
    wire.call("session.touch", session_id="later")
    assert [one["id"] for one in wire.call("session.list")["sessions"]] == ["later", "sooner"]
    assert [one["id"] for one in wire.call("session.complete", shell="bash")["rows"]] == ["later", "sooner"]


def test_a_list_leaves_out_the_sessions_of_frameworks_unless_they_are_asked_for(wire: Wire) -> None:
    store = {"segue.kind": "store"}
    wire.call("session.create", id="kept", name="plain words", metadata={"note": '"segue.kind":"store"'})
    wire.call("session.create", id="nested", metadata={"a": store})
    wire.call("session.create", id="other", metadata={"segue.kind": "else"})
    wire.call("session.create", id="hidden", name="hidden words", metadata=store)

    def listed(**filters: object) -> list[str]:
        page = wire.call("session.list", **filters)
        assert page["total"] == len(page["sessions"])
        return sorted(session["id"] for session in page["sessions"])

    assert listed() == ["kept", "nested", "other"]
    assert listed(name_contains="hidden") == []
    assert listed(metadata=store) == listed(id_prefix="hid") == ["hidden"]
    assert wire.call("session.get", session_id="hidden")["metadata"] == store
    assert [row["id"] for row in wire.call("session.complete", shell="zsh")["rows"]] == ["other", "nested", "kept"]
    assert [found["id"] for found in wire.call("message.search", query="words")["sessions"]] == ["kept"]
