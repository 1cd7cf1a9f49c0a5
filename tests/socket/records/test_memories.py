"""Memories: what a bot keeps of its conversations, and how a newer one takes the place of an older one."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.config import Config, Limits
from segue.errors import Conflict, InvalidParams, NotFound, TooLarge
from tests.support.clock import SECOND
from tests.support.inprocess import Server
from tests.support.wire import Wire

CATEGORIES = ["preference", "fact", "decision", "context", "correction"]


def save(wire: Wire, fact: str = "f", importance: int = 3, category: str = "fact", **more: Any) -> Any:
    return wire.call("memory.save", fact=fact, category=category, importance=importance, **more)


def facts(wire: Wire, **filter: Any) -> list[str]:
    page = wire.call("memory.list", **filter)
    assert page["total"] >= len(page["memories"])
    return [memory["fact"] for memory in page["memories"]]


@pytest.fixture
def session(wire: Wire) -> str:
    found: str = wire.call("session.create")["id"]
    return found


def test_a_memory_has_every_member_of_the_contract(server: Server, wire: Wire, session: str) -> None:
    message = wire.call("message.append", session_id=session, role="user", content="x")["message_id"]
    server.clock.pass_time(SECOND)
    made = save(
        wire, "likes\n😀", 5, "preference", session_id=session, source_message_id=message, is_manual=True
    )  # fmt: skip
    assert made == {
        "id": made["id"], "bot_id": "default", "session_id": session, "fact": "likes\n😀", "category": "preference",
        "importance": 5, "source_message_id": message, "superseded_by": None, "is_manual": True,
        "created_at": server.clock.at,
    }  # fmt: skip
    assert wire.call("memory.get", memory_id=made["id"]) == made
    assert wire.call("memory.list") == {"memories": [made], "total": 1}


def test_what_is_left_out_of_a_memory_is_null_or_false(server: Server, wire: Wire) -> None:
    nulls: dict[str, Any] = dict.fromkeys(["session_id", "source_message_id", "is_manual", "supersedes", "bot_id"])
    for fact, more in (("f", {}), ("g", nulls)):
        made = save(wire, fact, **more)
        assert made == {
            "id": made["id"], "bot_id": "default", "session_id": None, "fact": fact, "category": "fact",
            "importance": 3, "source_message_id": None, "superseded_by": None, "is_manual": False,
            "created_at": server.clock.at,
        }  # fmt: skip


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_list_can_be_narrowed_to_each_category(wire: Wire, category: str) -> None:
    for one in CATEGORIES:
        save(wire, one, category=one)
    assert facts(wire, category=category) == [category]
    assert facts(wire) == CATEGORIES[::-1]


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"importance": 0}, "$.importance"),
        ({"importance": 6}, "$.importance"),
        ({"importance": 2.5}, "$.importance"),
        ({"importance": True}, "$.importance"),
        ({"importance": None}, "$.importance"),
        ({"category": "Fact"}, "$.category"),
        ({"category": ""}, "$.category"),
        ({"fact": None}, "$.fact"),
        ({"fact": 1}, "$.fact"),
        ({"is_manual": 1}, "$.is_manual"),
        ({"source_message_id": -1}, "$.source_message_id"),
        ({"supersedes": "1"}, "$.supersedes"),
        ({"session_id": "a b"}, "$.session_id"),
        ({"surprise": 1}, "$.surprise"),
    ],
)
def test_a_wrong_parameter_is_named_and_nothing_is_saved(wire: Wire, params: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        wire.call("memory.save", **{"fact": "f", "category": "fact", "importance": 3, **params})
    assert caught.value.data["path"] == path
    assert wire.call("memory.list") == {"memories": [], "total": 0}


@pytest.mark.parametrize("missing", ["fact", "category", "importance"])
def test_a_missing_parameter_is_named(wire: Wire, missing: str) -> None:
    params: dict[str, Any] = {"fact": "f", "category": "fact", "importance": 3}
    del params[missing]
    with pytest.raises(InvalidParams) as caught:
        wire.call("memory.save", **params)
    assert caught.value.data["path"] == f"$.{missing}"


@pytest.mark.parametrize(
    ("params", "what", "id"),
    [
        ({"session_id": "nope"}, "session", "nope"),
        ({"source_message_id": 999}, "message", 999),
        ({"supersedes": 999}, "memory", 999),
    ],
)
def test_a_memory_from_nowhere_is_not_found_and_not_saved(
    wire: Wire, params: dict[str, Any], what: str, id: object
) -> None:
    with pytest.raises(NotFound) as caught:
        save(wire, **params)
    assert caught.value.data == {"what": what, "id": id}
    assert wire.call("memory.list") == {"memories": [], "total": 0}


def test_a_source_message_of_another_session_is_refused(wire: Wire, session: str) -> None:
    other = wire.call("session.create")["id"]
    message = wire.call("message.append", session_id=other, role="user", content="x")["message_id"]
    with pytest.raises(InvalidParams) as caught:
        save(wire, session_id=session, source_message_id=message)
    assert caught.value.data["path"] == "$.source_message_id"
    assert save(wire, source_message_id=message)["source_message_id"] == message


def test_memories_are_ordered_by_importance_then_newest_and_paged_in_that_order(server: Server, wire: Wire) -> None:
    for index, importance in enumerate((3, 5, 1, 3, 5, 2, 4)):
        save(wire, f"{index}", importance)
        server.clock.pass_time(-SECOND if index % 2 else SECOND)
    expected = ["4", "1", "6", "3", "0", "5", "2"]
    assert facts(wire) == expected
    pages = [wire.call("memory.list", limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert [memory["fact"] for page in pages for memory in page["memories"]] == expected
    assert [page["total"] for page in pages] == [7, 7, 7, 7]


def test_a_superseded_memory_points_to_the_new_one_and_leaves_the_normal_list(wire: Wire) -> None:
    old = save(wire, "lives in Rome", 5)
    new = save(wire, "lives in Oslo", 1, "correction", supersedes=old["id"])
    assert (new["superseded_by"], new["fact"]) == (None, "lives in Oslo")
    assert wire.call("memory.get", memory_id=old["id"]) == {**old, "superseded_by": new["id"]}
    assert wire.call("memory.list") == {"memories": [new], "total": 1}
    assert wire.call("memory.list", include_superseded=True) == {
        "memories": [{**old, "superseded_by": new["id"]}, new], "total": 2,
    }  # fmt: skip


def test_a_memory_that_is_superseded_already_cannot_be_superseded_again(wire: Wire) -> None:
    old = save(wire, "one")
    save(wire, "two", supersedes=old["id"])
    before = wire.call("memory.list", include_superseded=True)
    with pytest.raises(Conflict) as caught:
        save(wire, "three", supersedes=old["id"])
    assert caught.value.data == {"reason": "superseded"}
    assert wire.call("memory.list", include_superseded=True) == before


def test_a_memory_of_another_bot_cannot_be_superseded(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    old = save(wire, "one", bot_id="ada")
    with pytest.raises(InvalidParams) as caught:
        save(wire, "two", supersedes=old["id"])
    assert caught.value.data["path"] == "$.supersedes"
    assert wire.call("memory.get", memory_id=old["id"]) == old
    assert wire.call("memory.list", include_superseded=True) == {"memories": [], "total": 0}


def test_a_memory_cannot_supersede_itself_by_the_id_that_it_would_get(wire: Wire) -> None:
    next_id = save(wire, "one")["id"] + 1
    before = wire.call("memory.list", include_superseded=True)
    with pytest.raises(NotFound):
        save(wire, "two", supersedes=next_id)
    assert wire.call("memory.list", include_superseded=True) == before


def test_a_deleted_successor_hands_its_predecessor_to_its_own_successor_or_makes_it_current(wire: Wire) -> None:
    one = save(wire, "one")
    two = save(wire, "two", supersedes=one["id"])
    three = save(wire, "three", supersedes=two["id"])
    assert wire.call("memory.delete", memory_id=two["id"]) == {"deleted": True}
    assert wire.call("memory.get", memory_id=one["id"]) == {**one, "superseded_by": three["id"]}
    assert facts(wire) == ["three"]
    assert wire.call("memory.delete", memory_id=three["id"]) == {"deleted": True}
    assert wire.call("memory.get", memory_id=one["id"]) == one
    assert facts(wire) == ["one"]
    four = save(wire, "four", supersedes=one["id"])
    assert wire.call("memory.get", memory_id=one["id"])["superseded_by"] == four["id"]


@settings(max_examples=25)
@given(length=st.integers(1, 12), data=st.data())
def test_a_chain_of_any_length_stays_whole_whichever_of_its_links_are_deleted(
    wire: Wire, length: int, data: st.DataObject
) -> None:
    wire.call("memory.delete_all", bot_id="default")
    chain: list[int] = []
    for number in range(length):
        chain.append(save(wire, f"{number}", supersedes=chain[-1] if chain else None)["id"])
    for link in data.draw(st.permutations(chain)):
        assert wire.call("memory.delete", memory_id=link) == {"deleted": True}
        chain.remove(link)
        found = {memory["id"]: memory for memory in wire.call("memory.list", include_superseded=True)["memories"]}
        expected = {**dict(pairwise(chain)), **dict.fromkeys(chain[-1:])}
        assert {id: memory["superseded_by"] for id, memory in found.items()} == expected
        assert [memory["id"] for memory in wire.call("memory.list")["memories"]] == chain[-1:]


def test_a_deleted_memory_is_gone_and_deleting_it_again_is_false(wire: Wire) -> None:
    one, two = save(wire, "one"), save(wire, "two")
    assert wire.call("memory.delete", memory_id=one["id"]) == {"deleted": True}
    assert wire.call("memory.delete", memory_id=one["id"]) == {"deleted": False}
    with pytest.raises(NotFound) as caught:
        wire.call("memory.get", memory_id=one["id"])
    assert caught.value.data == {"what": "memory", "id": one["id"]}
    assert wire.call("memory.list") == {"memories": [two], "total": 1}
    assert save(wire, "three")["id"] > two["id"]


def test_the_id_of_a_deleted_memory_is_never_given_again(server: Server, wire: Wire) -> None:
    last = save(wire)["id"]
    wire.call("memory.delete", memory_id=last)
    server.restart()
    assert save(server.connect())["id"] > last


def test_delete_all_takes_every_memory_of_one_bot_and_says_how_many(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    old = save(wire, "old", bot_id="ada")
    save(wire, "new", bot_id="ada", supersedes=old["id"])
    mine = save(wire, "mine")
    assert wire.call("memory.delete_all", bot_id="ada") == {"deleted": 2}
    assert wire.call("memory.delete_all", bot_id="ada") == {"deleted": 0}
    assert facts(wire, bot_id="ada", include_superseded=True) == []
    assert wire.call("memory.list") == {"memories": [mine], "total": 1}


def test_memories_are_listed_by_session_by_bot_by_both_and_without_either_of_the_default_bot(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    mine, hers = wire.call("session.create")["id"], wire.call("session.create", bot_id="ada")["id"]
    save(wire, "mine", session_id=mine)
    save(wire, "hers", session_id=hers, bot_id="ada")
    save(wire, "hers, of no session", bot_id="ada")
    assert facts(wire) == ["mine"]
    assert facts(wire, session_id=hers) == ["hers"]
    assert facts(wire, bot_id="ada") == ["hers, of no session", "hers"]
    assert facts(wire, bot_id="ada", session_id=hers) == ["hers"]
    assert facts(wire, bot_id="ada", session_id=mine) == []
    assert facts(wire, session_id="never-was") == []


def test_a_memory_outlives_its_session_and_is_still_listed_by_it(wire: Wire, session: str) -> None:
    message = wire.call("message.append", session_id=session, role="user", content="x")["message_id"]
    made = save(wire, session_id=session, source_message_id=message)
    wire.call("message.delete_before", session_id=session, before_id=message + 1)
    assert wire.call("memory.get", memory_id=made["id"]) == made
    wire.call("session.delete", session_id=session)
    assert wire.call("memory.get", memory_id=made["id"]) == made
    assert wire.call("memory.list", session_id=session) == {"memories": [made], "total": 1}
    assert wire.call("memory.list") == {"memories": [made], "total": 1}
    with pytest.raises(NotFound) as caught:
        save(wire, session_id=session)
    assert caught.value.data == {"what": "session", "id": session}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


class TestWithASmallBound:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(content_bytes=10))

    def test_a_fact_one_byte_over_it_is_too_large(self, wire: Wire) -> None:
        with pytest.raises(TooLarge) as caught:
            save(wire, "é" * 5 + "x")
        assert caught.value.data == {"limit": 10}
        assert save(wire, "é" * 5)["fact"] == "é" * 5
        assert wire.call("memory.list")["total"] == 1


def test_a_query_finds_memories_best_match_first(wire: Wire) -> None:
    facts = ["likes zebras and getUserById", "the zebra is a zebra", "a lion", "a zebra beside the lion"]
    made = [wire.call("memory.save", fact=fact, category="fact", importance=3)["id"] for fact in facts]
    assert ids(wire, "zebra") == [made[1], made[3]]
    assert ids(wire, "ZEBRA lion") == [made[3]]
    assert ids(wire, "zeb*") == [made[1], made[3], made[0]]
    assert ids(wire, "UserById") == [made[0]]
    assert ids(wire, "elk") == ids(wire, "") == []
    page = wire.call("memory.list", query="zeb*", limit=1, offset=1)
    assert ([memory["id"] for memory in page["memories"]], page["total"]) == ([made[3]], 3)


def ids(wire: Wire, query: str) -> list[int]:
    return [memory["id"] for memory in wire.call("memory.list", query=query)["memories"]]
