"""An extraction is completed in one piece: its memories are saved and its entry is gone, or nothing changes."""

from typing import Any

import pytest

from segue.config import Config, Limits
from segue.errors import Conflict, InvalidParams, NotFound, TooLarge
from tests.socket.records.extraction.calls import claim, draft, enqueue, queue
from tests.support.clock import SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire


def test_a_completed_entry_leaves_the_queue_with_its_memories_saved_under_its_bot_and_session(
    server: Server, wire: Wire
) -> None:
    wire.call("bot.create", bot_id="ada")
    old = wire.call("memory.save", bot_id="ada", **draft("old"))
    entry = enqueue(wire, bot_id="ada")
    session = entry["session_id"]
    message = wire.call("message.append", session_id=session, role="user", content="x")["message_id"]
    (entry,) = claim(wire)
    server.clock.pass_time(SECOND)
    drafts = [
        draft("new", importance=5, source_message_id=message, supersedes=old["id"], is_manual=True),
        draft("bare", source_message_id=None, is_manual=None, supersedes=None),
    ]
    done = wire.call("extraction.complete", extraction_id=entry["id"], memories=drafts)
    common = {"bot_id": "ada", "session_id": session, "category": "fact", "superseded_by": None}
    assert done == {
        "memories": [
            {
                **common, "id": old["id"] + 1, "fact": "new", "importance": 5, "source_message_id": message,
                "is_manual": True, "created_at": server.clock.at,
            },
            {
                **common, "id": old["id"] + 2, "fact": "bare", "importance": 3, "source_message_id": None,
                "is_manual": False, "created_at": server.clock.at,
            },
        ]
    }  # fmt: skip
    assert wire.call("memory.list", session_id=session) == {"memories": done["memories"], "total": 2}
    assert wire.call("memory.get", memory_id=old["id"])["superseded_by"] == old["id"] + 1
    assert queue(wire, include_exhausted=True) == []
    with pytest.raises(NotFound) as caught:
        wire.call("extraction.complete", extraction_id=entry["id"], memories=drafts)
    assert caught.value.data == {"what": "extraction", "id": entry["id"]}


def test_a_memory_that_another_of_the_same_extraction_supersedes_is_returned_as_superseded(wire: Wire) -> None:
    last = wire.call("memory.save", **draft("before"))["id"]
    entry = enqueue(wire)
    drafts = [draft("one"), draft("two", supersedes=last + 1)]
    done = wire.call("extraction.complete", extraction_id=entry["id"], memories=drafts)["memories"]
    assert [(memory["id"], memory["superseded_by"]) for memory in done] == [(last + 1, last + 2), (last + 2, None)]
    assert [wire.call("memory.get", memory_id=memory["id"]) for memory in done] == done


def test_an_extraction_that_found_nothing_is_completed_with_no_memories(wire: Wire) -> None:
    entry = enqueue(wire)
    assert wire.call("extraction.complete", extraction_id=entry["id"], memories=[]) == {"memories": []}
    assert queue(wire) == []


def test_one_bad_memory_among_several_saves_none_and_the_entry_stays_as_it_was(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    hers = wire.call("memory.save", bot_id="ada", **draft())
    mine = wire.call("memory.save", **draft("mine"))
    foreign = wire.call("message.append", working_dir="/x", role="user", content="x")["message_id"]
    entry = enqueue(wire)
    (entry,) = [one for one in claim(wire) if one["id"] == entry["id"]]
    bad: list[tuple[dict[str, Any], type[Exception], dict[str, Any]]] = [
        ({"importance": 6}, InvalidParams, {"path": "$.memories[1].importance"}),
        ({"category": "x"}, InvalidParams, {"path": "$.memories[1].category"}),
        ({"bot_id": "default"}, InvalidParams, {"path": "$.memories[1].bot_id"}),
        ({"session_id": "s"}, InvalidParams, {"path": "$.memories[1].session_id"}),
        ({"source_message_id": foreign}, InvalidParams, {"path": "$.memories[1].source_message_id"}),
        ({"source_message_id": 999}, NotFound, {"what": "message", "id": 999}),
        ({"supersedes": hers["id"]}, InvalidParams, {"path": "$.memories[1].supersedes"}),
        ({"supersedes": 999}, NotFound, {"what": "memory", "id": 999}),
        ({"supersedes": mine["id"]}, Conflict, {"reason": "superseded"}),
    ]
    for wrong, error, data in bad:
        drafts = [draft("good", supersedes=mine["id"]), draft("bad", **wrong)]
        with pytest.raises(error) as caught:
            wire.call("extraction.complete", extraction_id=entry["id"], memories=drafts)
        assert data.items() <= getattr(caught.value, "data").items()  # noqa: B009 - raises() gives no common class
        assert wire.call("memory.list", include_superseded=True) == {"memories": [mine], "total": 1}
        assert queue(wire) == [entry]


def test_a_thousand_memories_in_one_call_are_saved_and_one_more_is_refused(wire: Wire) -> None:
    entry = enqueue(wire)
    with pytest.raises(InvalidParams) as caught:
        wire.call("extraction.complete", extraction_id=entry["id"], memories=[draft()] * 1001)
    assert caught.value.data["path"] == "$.memories"
    many = [draft(f"fact {number}") for number in range(1000)]
    saved = wire.call("extraction.complete", extraction_id=entry["id"], memories=many)["memories"]
    assert len({memory["id"] for memory in saved}) == 1000


def test_only_one_of_two_workers_whose_lease_ran_out_in_between_can_complete(server: Server, wire: Wire) -> None:
    entry = enqueue(wire)
    claim(wire, lease_seconds=1)
    server.clock.pass_time(SECOND)
    claim(wire)
    wire.call("extraction.complete", extraction_id=entry["id"], memories=[draft("of the first")])
    with pytest.raises(NotFound):
        server.connect().call("extraction.complete", extraction_id=entry["id"], memories=[draft("of the second")])
    assert [memory["fact"] for memory in wire.call("memory.list")["memories"]] == ["of the first"]


class TestWithASmallBound:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(content_bytes=10))

    def test_a_fact_one_byte_over_it_is_too_large_and_saves_nothing(self, wire: Wire) -> None:
        entry = enqueue(wire)
        with pytest.raises(TooLarge) as caught:
            wire.call(
                "extraction.complete", extraction_id=entry["id"], memories=[draft("fits"), draft("é" * 5 + "x")]
            )  # fmt: skip
        assert caught.value.data == {"limit": 10}
        assert (wire.call("memory.list")["total"], queue(wire)) == (0, [entry])
