"""An import stores what is new, changes what differs, leaves the rest, and deletes nothing."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from segue.config import Config, ImportConfig, SessionConfig
from segue.errors import Conflict, InvalidParams
from tests.support.inprocess import Server
from tests.support.wire import Wire

SOURCE = {"tool": "claude", "id": "s-1", "path": "/home/ada/.claude/s-1.jsonl"}
AT = "2026-01-30T14:23:05.123Z"


def message(key: str, content: str = "words", role: str = "user", **more: Any) -> dict[str, Any]:
    return {"key": key, "role": role, "content": content, "created_at": AT, **more}


def imported(wire: Wire, *messages: dict[str, Any], **about: Any) -> dict[str, Any]:
    session = {"working_dir": "/srv/a", "created_at": AT, **about}
    found: dict[str, Any] = wire.call("session.import", source=SOURCE, session=session, messages=list(messages))
    return found


def counts(result: dict[str, Any]) -> tuple[bool, int, int, int]:
    return result["created"], result["added"], result["updated"], result["unchanged"]


def test_a_session_keeps_its_times_and_its_origin(wire: Wire) -> None:
    result = imported(wire, message("1"), message("2", "later", created_at="2026-01-30T15:00:00.000Z"))
    session = wire.call("session.get", session_id=result["session_id"])
    assert (session["id"], session["source"]) == ("2026-01-30-1423-123", SOURCE)
    assert (session["created_at"], session["last_message_at"]) == (AT, "2026-01-30T15:00:00.000Z")
    assert [one["created_at"] for one in wire.call("message.list", session_id=session["id"])["messages"]] == [
        AT,
        "2026-01-30T15:00:00.000Z",
    ]


def test_the_same_import_again_changes_nothing(wire: Wire) -> None:
    several = [message("1", parts=[{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]), message("2")]
    assert counts(imported(wire, *several, name="Sorting")) == (True, 2, 0, 0)
    before = wire.call("session.list", source="claude", with_metadata=True)
    assert counts(imported(wire, *several, name="Sorting")) == (False, 0, 0, 2)
    assert wire.call("session.list", source="claude", with_metadata=True) == before


def test_what_is_new_is_added_and_what_differs_is_changed_in_place(wire: Wire) -> None:
    first = imported(wire, message("1"), message("2", "half", role="assistant"))
    assert counts(imported(wire, message("2", "half of it", role="assistant", output_tokens=3), message("3"))) == (
        False, 1, 1, 0,
    )  # fmt: skip
    messages = wire.call("message.list", session_id=first["session_id"])["messages"]
    assert [(one["key"], one["content"]) for one in messages] == [("1", "words"), ("2", "half of it"), ("3", "words")]
    session = wire.call("session.get", session_id=first["session_id"])
    assert (session["message_count"], session["output_tokens"]) == (3, 3)


@pytest.mark.parametrize("change", [{"metadata": {"kind": "x"}}, {"input_tokens": 5}, {"stop_reason": "interrupted"}])
def test_a_message_that_differs_in_any_member_is_changed(wire: Wire, change: dict[str, Any]) -> None:
    imported(wire, message("1"))
    assert counts(imported(wire, message("1", **change))) == (False, 0, 1, 0)
    assert counts(imported(wire, message("1", **change))) == (False, 0, 0, 1)


def test_a_name_that_a_person_gave_stays(wire: Wire) -> None:
    id = imported(wire, message("1"), name="Sorting")["session_id"]
    imported(wire, name="Sorting dicts")
    assert wire.call("session.get", session_id=id)["name"] == "Sorting dicts"
    wire.call("session.update", session_id=id, name="mine")
    imported(wire, name="Sorting lists")
    assert wire.call("session.get", session_id=id)["name"] == "mine"


def test_a_name_that_a_person_gave_stays_when_the_metadata_is_replaced_or_the_session_restored(wire: Wire) -> None:
    id = imported(wire, message("1"), name="Sorting")["session_id"]
    wire.call("session.update", session_id=id, name="mine")
    wire.call("session.update", session_id=id, metadata=None)
    imported(wire, name="Sorting lists")
    assert wire.call("session.get", session_id=id)["name"] == "mine"
    exported = wire.call("session.export", session_id=id)
    wire.call("session.delete", session_id=id)
    wire.call("session.restore", session=exported["session"])
    imported(wire, name="Sorting sets")
    assert wire.call("session.get", session_id=id)["name"] == "mine"
    wire.call("session.update", session_id=id, name=None)
    imported(wire, name="Sorting sets")
    assert wire.call("session.get", session_id=id)["name"] == "Sorting sets"
    assert counts(imported(wire, name="Sorting maps")) == (False, 0, 0, 0)
    assert wire.call("session.get", session_id=id)["name"] == "Sorting maps"


def test_the_metadata_are_those_that_were_given(wire: Wire) -> None:
    id = imported(wire, message("1"), name="Sorting", metadata={"version": 1})["session_id"]
    assert wire.call("session.get", session_id=id)["metadata"] == {"version": 1}
    imported(wire, name="Sorting lists", metadata={"version": 2})
    assert wire.call("session.get", session_id=id)["metadata"] == {"version": 2}
    wire.call("session.update", session_id=id, pinned=True)
    assert wire.call("session.get", session_id=id)["metadata"] == {"version": 2}


def test_text_of_the_harness_is_neither_name_nor_preview(wire: Wire) -> None:
    result = imported(wire, message("1", "<env>", metadata={"injected": True}), message("2", "Sort a dict"))
    [summary] = wire.call("session.list")["sessions"]
    assert (summary["id"], summary["preview"]) == (result["session_id"], "Sort a dict")
    assert summary["name"] == "Sort a dict - 2026-01-30_14-23"


def test_a_parent_may_come_after_its_child(wire: Wire) -> None:
    child = imported(wire, message("1"), parent="s-0")["session_id"]
    assert wire.call("session.get", session_id=child)["parent_id"] is None
    source = {"tool": "claude", "id": "s-0"}
    parent = wire.call("session.import", source=source, session={})["session_id"]
    session = wire.call("session.get", session_id=child)
    assert (session["parent_id"], session["metadata"]) == (parent, {})
    assert counts(imported(wire, message("1"), parent="s-0")) == (False, 0, 0, 1)


def test_a_directory_never_continues_it_and_it_cannot_be_resumed(wire: Wire) -> None:
    id = imported(wire, message("1", created_at=None))["session_id"]
    assert wire.call("session.resolve", working_dir="/srv/a", create=False)["session"] is None
    with pytest.raises(Conflict) as refused:
        wire.call("session.resume", session_id=id)
    assert refused.value.data["reason"] == "imported"


def test_a_message_without_a_key_is_refused_and_nothing_is_stored(wire: Wire) -> None:
    with pytest.raises(InvalidParams) as refused:
        imported(wire, message("1"), {"role": "user", "content": "x"})
    assert refused.value.data["path"] == "$.messages[1].key"
    assert wire.call("session.list")["total"] == 0


@pytest.mark.parametrize("source", [{"tool": "", "id": "1"}, {"tool": "a b", "id": "1"}, {"tool": "x", "id": ""}])
def test_a_source_that_names_nothing_is_refused(wire: Wire, source: dict[str, str]) -> None:
    with pytest.raises(InvalidParams):
        wire.call("session.import", source=source, session={})


def test_the_last_message_of_a_key_counts_within_one_request(wire: Wire) -> None:
    result = imported(wire, message("1", "poorer"), message("1", "richer"))
    assert counts(result) == (True, 1, 0, 0)
    [stored] = wire.call("message.list", session_id=result["session_id"])["messages"]
    assert stored["content"] == "richer"


def test_what_is_imported_is_found_and_announced(wire: Wire) -> None:
    subscription = wire.call("events.subscribe")["subscription_id"]
    imported(wire, message("1", "zebra"))
    assert [wire.event()["kind"] for _ in range(3)] == ["session.created", "message.appended", "session.updated"]
    assert [hit["snippet"] for hit in wire.call("message.search", query="zebra")["hits"]]
    assert subscription


def test_a_deleted_session_is_only_restored_on_request(wire: Wire) -> None:
    params = {"source": SOURCE, "session": {}, "messages": [message("1")]}
    id = imported(wire, message("1"))["session_id"]
    wire.call("session.delete", session_id=id)
    with pytest.raises(Conflict) as refused:
        wire.call("session.import", **params, restore=False)
    assert refused.value.data["reason"] == "deleted"
    assert wire.call("session.import", **params)["created"]
    assert counts(wire.call("session.import", **params, restore=False)) == (False, 0, 0, 1)


def test_what_marks_a_deleted_session_is_none_of_its_ids(wire: Wire, server: Server) -> None:
    id = imported(wire, message("1"))["session_id"]
    wire.call("session.delete", session_id=id)
    with closing(sqlite3.connect(server.database)) as file:
        marks = [row[0] for row in file.execute("SELECT id FROM retired_session_ids ORDER BY id")]
    assert marks[0] == id
    assert marks[1].startswith("claude ")
    assert "s-1" not in marks[1]


class TestWithARetentionOfImportedSessions:
    @pytest.fixture
    def config(self) -> Config:
        return Config(session=SessionConfig(retention_days=0), import_=ImportConfig(retention_days=10))

    def test_old_imported_sessions_are_deleted_and_no_others(self, wire: Wire, server: Server) -> None:
        own = wire.call("session.create", created_at=AT)["id"]
        old = imported(wire, message("1"))["session_id"]
        kept = wire.call("session.import", source={**SOURCE, "id": "s-2"}, session={"created_at": AT})["session_id"]
        wire.call("session.update", session_id=kept, retention_days=0)
        new = wire.call("session.import", source={**SOURCE, "id": "s-3"}, session={})["session_id"]
        assert wire.call("session.cleanup", dry_run=True)["session_ids"] == [old]
        assert wire.call("session.cleanup")["session_ids"] == [old]
        found = wire.call("session.list", limit=10)["sessions"]
        assert {one["id"] for one in found} == {own, kept, new}

    def test_a_session_that_the_cleanup_deleted_may_come_back(self, wire: Wire) -> None:
        imported(wire, message("1"))
        wire.call("session.cleanup")
        again = wire.call("session.import", source=SOURCE, session={}, messages=[message("1")], restore=False)
        assert again["created"]
