"""An import of the systems that segue replaces brings what they have besides messages to its place in segue."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from segue.client import Client
from segue.history.importer import Importer, ItemState, Source
from segue.history.registry import readers
from tests.support.inprocess import Server
from tests.support.wire import Wire
from tests.unit.history.histories import HISTORIES

PLACES = {"boternity": ".boternity/boternity.db", "cherry2k": ".local/share/cherry2k/sessions.db"}


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of the tool's database, which a test may change."""
    copy = tmp_path / f"{request.param}.db"
    shutil.copyfile(HISTORIES / request.param / PLACES[request.param], copy)
    return copy


def import_from(server: Server, database: Path, states: dict[str, ItemState] | None = None) -> Importer:
    with Client.connect(server.socket) as client:
        importer = Importer(client, {} if states is None else states)
        assert importer.run_one(Source(readers()[database.stem], database)) is None
    return importer


def memories(wire: Wire) -> list[tuple[str, str | None]]:
    """Return each memory of the bot with the fact that supersedes it, in the order of time."""
    rows = wire.call("memory.list", bot_id="tutor", include_superseded=True)["memories"]
    facts = {row["id"]: row["fact"] for row in rows}
    several = sorted(rows, key=lambda row: row["created_at"])
    return [(row["fact"], facts.get(row["superseded_by"])) for row in several]


@pytest.mark.parametrize("database", ["boternity"], indirect=True)
class TestBoternity:
    def test_a_session_belongs_to_its_bot(self, database: Path, server: Server, wire: Wire) -> None:
        import_from(server, database)
        assert [(bot["id"], bot["name"]) for bot in wire.call("bot.list")["bots"]][1:] == [("tutor", "Tutor")]
        assert wire.call("session.list", bot_id="tutor")["total"] == 2

    def test_memories_keep_their_times_messages_and_successors(
        self, database: Path, server: Server, wire: Wire
    ) -> None:
        import_from(server, database)
        spaces = "Prefers spaces, since July"
        assert memories(wire) == [("Prefers tabs", spaces), (spaces, None)]
        [current] = wire.call("memory.list", bot_id="tutor")["memories"]
        source = wire.call("message.get", message_id=current["source_message_id"])
        assert (source["session_id"], source["key"][-1]) == (current["session_id"], "3")
        assert (current["is_manual"], current["category"], current["importance"]) == (True, "correction", 4)
        assert current["created_at"] == "2026-02-11T09:10:01.000Z"

    def test_a_summary_covers_the_messages_of_its_range(self, database: Path, server: Server, wire: Wire) -> None:
        import_from(server, database)
        [row] = wire.call("session.list", bot_id="tutor", name_contains="Sorting")["sessions"]
        summary = wire.call("summary.latest", session_id=row["id"])
        messages = wire.call("message.list", session_id=row["id"])["messages"]
        assert (summary["messages_start"], summary["messages_end"]) == (messages[0]["id"], messages[1]["id"])
        built = wire.call("context.build", session_id=row["id"])
        assert [memory["fact"] for memory in built["memories"]] == ["Prefers spaces, since July"]
        assert [message["id"] for message in built["messages"]] == [message["id"] for message in messages[2:]]

    def test_a_pending_extraction_waits_in_the_queue(self, database: Path, server: Server, wire: Wire) -> None:
        import_from(server, database)
        [entry] = wire.call("extraction.list", bot_id="tutor")["extractions"]
        assert (entry["attempt_count"], entry["error_message"]) == (2, "rate limited")
        assert wire.call("session.get", session_id=entry["session_id"])["status"] == "crashed"

    def test_a_memory_of_a_later_session_supersedes_one_that_was_imported_before(
        self, database: Path, server: Server, wire: Wire
    ) -> None:
        states: dict[str, ItemState] = {}
        import_from(server, database, states)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("""
                INSERT INTO session_memories
                SELECT 'later', bot_id, (SELECT session_id FROM pending_memory_extractions), 'Prefers both', category,
                       importance, NULL, NULL, '2026-02-12T10:00:00Z', 0
                FROM session_memories WHERE superseded_by IS NULL
            """)
            connection.execute("UPDATE session_memories SET superseded_by = 'later' WHERE fact LIKE 'Prefers spaces%'")
        import_from(server, database, states)
        spaces = "Prefers spaces, since July"
        assert memories(wire) == [("Prefers tabs", spaces), (spaces, "Prefers both"), ("Prefers both", None)]

    def test_the_same_import_again_changes_nothing(self, database: Path, server: Server, wire: Wire) -> None:
        import_from(server, database)
        sessions = [row["id"] for row in wire.call("session.list", bot_id="tutor")["sessions"]]
        before = [everything(wire, id) for id in sessions]
        for id in sessions:
            wire.call("session.update", session_id=id, metadata_merge={"import_digest": None})
        import_from(server, database)
        assert [everything(wire, id) for id in sessions] == before


def everything(wire: Wire, session_id: str) -> dict[str, Any]:
    found = wire.call("session.export", session_id=session_id)
    return {name: found[name] for name in ("messages", "summaries", "memories", "extraction")}


@pytest.mark.parametrize("database", ["cherry2k"], indirect=True)
def test_a_summary_of_cherry2k_begins_the_context(database: Path, server: Server, wire: Wire) -> None:
    import_from(server, database)
    [row] = wire.call("session.list", working_dir="/home/ada/proj")["sessions"]
    messages = wire.call("message.list", session_id=row["id"])["messages"]
    assert [message["role"] for message in messages if message["is_summary"]] == ["system"]
    assert wire.call("context.build", session_id=row["id"])["messages"][0]["is_summary"]
