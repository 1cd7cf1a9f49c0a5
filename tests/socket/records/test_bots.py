"""Bots: they own sessions and memories, and take them along."""

import sqlite3
from typing import Any

import pytest

from segue.api import bot as bot_methods
from segue.config import Config, Limits
from segue.errors import Conflict, InvalidParams, NotFound, TooLarge
from segue.results import BotDeleted
from segue.store.engine.tx import Tx
from segue.store.records import bots
from tests.support.clock import SECOND
from tests.support.deadline import wait_until
from tests.support.inprocess import Server
from tests.support.wire import Wire

HERE = "/srv/here"


def bot_ids(wire: Wire) -> list[str]:
    return [bot["id"] for bot in wire.call("bot.list")["bots"]]


def furnish(wire: Wire, bot_id: str) -> dict[str, Any]:
    """Store a session with a message, a summary, an entry in the queue and a memory, all of that bot."""
    session = wire.call("session.create", bot_id=bot_id, working_dir=HERE)["id"]
    message = wire.call("message.append", session_id=session, role="user", content="x")["message_id"]
    summary = wire.call(
        "summary.save", session_id=session, summary="s", messages_start=message, messages_end=message, token_count=1
    )
    entry = wire.call("extraction.enqueue", session_id=session)
    memory = wire.call(
        "memory.save", bot_id=bot_id, session_id=session, fact=f"of {session}", category="fact", importance=3,
        source_message_id=message,
    )  # fmt: skip
    return {"session": session, "message": message, "summary": summary, "entry": entry, "memory": memory}


def rows(server: Server) -> dict[str, int]:
    """Return how many rows of each kind the file holds, hidden ones too."""
    connection = sqlite3.connect(server.database)
    tables = ("sessions", "messages", "summaries", "extractions", "memories", "bots")
    counted = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    connection.close()
    return counted


def test_the_default_bot_is_there_from_the_start_and_after_a_restart(server: Server, wire: Wire) -> None:
    bot = wire.call("bot.get", bot_id="default")
    assert {**bot, "created_at": ""} == {"id": "default", "name": "default", "description": None, "created_at": ""}
    assert wire.call("bot.list") == {"bots": [bot], "total": 1}
    server.restart()
    assert server.connect().call("bot.list") == {"bots": [bot], "total": 1}


def test_a_new_bot_has_every_member_and_is_called_by_its_id_unless_named(server: Server, wire: Wire) -> None:
    ada = wire.call("bot.create", bot_id="ada")
    assert ada == {"id": "ada", "name": "ada", "description": None, "created_at": server.clock.at}
    server.clock.pass_time(SECOND)
    bob = wire.call("bot.create", bot_id="bob", name="Bob the Builder", description="two\nlines 😀")
    assert bob == {
        "id": "bob", "name": "Bob the Builder", "description": "two\nlines 😀", "created_at": server.clock.at,
    }  # fmt: skip
    assert [wire.call("bot.get", bot_id=id) for id in ("ada", "bob")] == [ada, bob]


def test_bots_are_listed_in_the_order_of_their_making(wire: Wire) -> None:
    for id in ("zoe", "ada", "mia"):
        wire.call("bot.create", bot_id=id)
    assert bot_ids(wire) == ["default", "zoe", "ada", "mia"]


@pytest.mark.parametrize("bot_id", ["default", "ada"])
def test_a_bot_that_exists_is_a_conflict_and_stays_as_it_is(wire: Wire, bot_id: str) -> None:
    wire.call("bot.create", bot_id="ada", description="first")
    before = wire.call("bot.list")
    with pytest.raises(Conflict) as caught:
        wire.call("bot.create", bot_id=bot_id, description="second")
    assert caught.value.data == {"reason": "exists"}
    assert wire.call("bot.list") == before


@pytest.mark.parametrize("bot_id", ["", "-x", "a b", "a\n", "a\x7f", "x" * 129])
def test_a_bot_id_with_space_control_leading_dash_or_129_characters_is_refused(wire: Wire, bot_id: str) -> None:
    for method in ("bot.create", "bot.get", "bot.delete", "memory.delete_all"):
        with pytest.raises(InvalidParams) as caught:
            wire.call(method, bot_id=bot_id)
        assert caught.value.data["path"] == "$.bot_id"


def test_an_unknown_bot_is_not_found_to_read_or_to_write_under_and_as_a_filter_gives_nothing(wire: Wire) -> None:
    writes: list[tuple[str, dict[str, object]]] = [
        ("bot.get", {}),
        ("session.create", {}),
        ("session.resolve", {"working_dir": HERE}),
        ("message.append", {"working_dir": HERE, "role": "user", "content": "x"}),
        ("memory.save", {"fact": "f", "category": "fact", "importance": 1}),
        ("memory.delete_all", {}),
    ]
    for method, params in writes:
        with pytest.raises(NotFound) as caught:
            wire.call(method, bot_id="nobody", **params)
        assert caught.value.data == {"what": "bot", "id": "nobody"}
    assert wire.call("session.list", bot_id="nobody") == {"sessions": [], "total": 0, "next_cursor": None}
    assert wire.call("memory.list", bot_id="nobody") == {"memories": [], "total": 0}
    assert wire.call("extraction.list", bot_id="nobody") == {"extractions": [], "total": 0}
    assert wire.call("extraction.claim", bot_id="nobody") == {"extractions": []}
    assert wire.call("bot.delete", bot_id="nobody") == {"deleted": False, "sessions_deleted": 0, "memories_deleted": 0}


def test_a_deleted_bot_takes_sessions_messages_summaries_memories_and_queue_entries_along(
    server: Server, wire: Wire
) -> None:
    for bot_id in ("ada", "bob"):
        wire.call("bot.create", bot_id=bot_id)
    gone = [furnish(wire, "ada"), furnish(wire, "ada")]
    kept = [furnish(wire, "bob"), furnish(wire, "default")]
    wire.call("memory.save", bot_id="ada", fact="of no session", category="fact", importance=1)

    assert wire.call("bot.delete", bot_id="ada") == {"deleted": True, "sessions_deleted": 2, "memories_deleted": 3}
    for one in gone:
        for method, params in (
            ("session.get", {"session_id": one["session"]}),
            ("message.get", {"message_id": one["message"]}),
            ("message.count", {"session_id": one["session"]}),
            ("summary.latest", {"session_id": one["session"]}),
            ("memory.get", {"memory_id": one["memory"]["id"]}),
            ("extraction.fail", {"extraction_id": one["entry"]["id"], "error": "e"}),
        ):
            with pytest.raises(NotFound):
                wire.call(method, **params)
    assert bot_ids(wire) == ["default", "bob"]
    assert [message["id"] for message in wire.call("message.list")["messages"]] == [one["message"] for one in kept]
    assert wire.call("extraction.list")["extractions"] == [one["entry"] for one in kept]
    for one in kept:
        assert wire.call("session.get", session_id=one["session"])["message_count"] == 1
        assert wire.call("summary.latest", session_id=one["session"]) == one["summary"]
        assert wire.call("memory.get", memory_id=one["memory"]["id"]) == one["memory"]
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    server.restart()
    again = server.connect()
    assert again.call("bot.delete", bot_id="ada")["deleted"] is False
    wait_until(lambda: not again.call("daemon.status")["privacy"]["deleted_remains"])
    expected = {"sessions": 2, "messages": 2, "summaries": 2, "extractions": 2, "memories": 2, "bots": 2}
    server.stop()
    assert rows(server) == expected


@pytest.mark.parametrize("sessions", [0, 3, 4])
def test_a_bot_with_much_is_deleted_in_several_transactions(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, sessions: int
) -> None:
    sizes: list[int] = []
    delete_slice = bots.delete_slice

    def count(tx: Tx, bot_id: str, limit: int) -> BotDeleted:
        deleted = delete_slice(tx, bot_id, limit)
        sizes.append(deleted.sessions_deleted + deleted.memories_deleted)
        return deleted

    monkeypatch.setattr(bots, "delete_slice", count)
    monkeypatch.setattr(bot_methods, "DELETED_AT_ONCE", 2)
    wire.call("bot.create", bot_id="ada")
    for _ in range(sessions):
        furnish(wire, "ada")
    assert wire.call("bot.delete", bot_id="ada") == {
        "deleted": True,
        "sessions_deleted": sessions,
        "memories_deleted": sessions,
    }
    assert sizes == [2] * sessions + [0]
    assert bot_ids(wire) == ["default"]
    assert wire.call("session.list", bot_id="ada")["total"] == 0
    assert wire.call("memory.list", bot_id="ada")["total"] == 0
    assert wire.call("message.list")["messages"] == []
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_the_default_bot_cannot_be_deleted_and_loses_nothing(server: Server, wire: Wire) -> None:
    one = furnish(wire, "default")
    before = rows(server)
    with pytest.raises(Conflict) as caught:
        wire.call("bot.delete", bot_id="default")
    assert caught.value.data == {"reason": "default_bot"}
    assert rows(server) == before
    assert wire.call("memory.get", memory_id=one["memory"]["id"]) == one["memory"]


def test_a_bot_with_thousands_of_messages_is_gone_immediately_and_stays_gone_when_its_ids_are_used_again(
    server: Server, wire: Wire
) -> None:
    wire.call("bot.create", bot_id="ada")
    wire.call("session.create", id="big", bot_id="ada")
    for _ in range(3):
        messages = [{"role": "user", "content": "x"}] * 1000
        wire.call("message.append_many", session_id="big", messages=messages)
    wire.call("message.delete_before", session_id="big", before_id=1500)
    assert wire.call("bot.delete", bot_id="ada") == {"deleted": True, "sessions_deleted": 1, "memories_deleted": 0}
    assert wire.call("message.list") == {"messages": [], "has_more": False}
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    wire.call("bot.create", bot_id="ada")
    assert wire.call("session.create", id="big", bot_id="ada")["message_count"] == 0
    new = wire.call("message.append", session_id="big", role="user", content="y", expected_last_id=0)["message_id"]
    server.restart()
    wire = server.connect()
    assert [message["id"] for message in wire.call("message.list")["messages"]] == [new]
    assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}


def test_a_generated_session_id_is_not_used_again_after_its_bot_is_deleted(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    assert wire.call("session.create", bot_id="ada")["id"] == "2026-11-21-1430-123"
    wire.call("bot.delete", bot_id="ada")
    assert wire.call("session.create")["id"] == "2026-11-21-1430-124"


def test_a_directory_is_continued_for_each_bot_by_itself(wire: Wire) -> None:
    for bot_id in ("ada", "bob"):
        wire.call("bot.create", bot_id=bot_id)
    found = {bot: wire.call("session.resolve", working_dir=HERE, bot_id=bot)["session"]["id"] for bot in bot_ids(wire)}
    assert len(set(found.values())) == 3
    for bot, session in found.items():
        again = wire.call("session.resolve", working_dir=HERE, bot_id=bot)
        assert (again["session"]["id"], again["session"]["bot_id"], again["resumed"]) == (session, bot, True)
        told = wire.call("message.append", working_dir=HERE, bot_id=bot, role="user", content="x")
        assert (told["session_id"], told["resumed"]) == (session, True)
    wire.call("bot.delete", bot_id="ada")
    assert wire.call("session.resolve", working_dir=HERE)["session"]["id"] == found["default"]
    assert wire.call("session.resolve", working_dir=HERE, bot_id="bob")["session"]["id"] == found["bob"]


def test_a_bot_made_again_under_a_deleted_one_s_id_begins_with_nothing(wire: Wire) -> None:
    wire.call("bot.create", bot_id="ada")
    furnish(wire, "ada")
    wire.call("bot.delete", bot_id="ada")
    wire.call("bot.create", bot_id="ada")
    assert wire.call("session.list", bot_id="ada")["total"] == 0
    assert wire.call("memory.list", bot_id="ada")["total"] == 0
    assert wire.call("session.resolve", working_dir=HERE, bot_id="ada", create=False)["reason"] == "none"


class TestWithASmallBound:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(content_bytes=10))

    def test_a_description_one_byte_over_it_is_too_large(self, wire: Wire) -> None:
        with pytest.raises(TooLarge) as caught:
            wire.call("bot.create", bot_id="ada", description="é" * 5 + "x")
        assert caught.value.data == {"limit": 10}
        assert bot_ids(wire) == ["default"]
        assert wire.call("bot.create", bot_id="ada", description="é" * 5)["description"] == "é" * 5
