"""Every write function emits an event for each row that it creates, changes or deletes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import UnsetType, json, structs

import segue.api
from segue.events import BotDeletedEvent, Data, DeferredData, Emitted, MemoryDeleted, MessagesDeleted, SessionDeleted
from segue.models import Bot, Draft, MemoryDraft, Session
from segue.store.engine.tx import Tx
from segue.store.records import (
    append,
    attachments,
    bots,
    extractions,
    forks,
    memories,
    messages,
    resolve,
    retention,
    session_update,
    sessions,
    summaries,
)
from segue.store.records.message import append_group, edit, replace, stream
from segue.store.transfer import imports, restores
from segue.timestamps import timestamp
from segue.transfer import ImportedSession, ImportSource
from tests.support.clock import START_MS
from tests.support.database import Database

GETTERS: dict[str, Callable[[Tx, Any], Data]] = {
    "bots": bots.get,
    "sessions": sessions.get,
    "messages": messages.get,
    "memories": memories.get,
}
HERE = resolve.Place("/here", "ada")
FACT = MemoryDraft(fact="g", category="fact", importance=1)
NEW = append.prepare(Draft(role="user", content="hello"), 1000)
KEYED = append.prepare(Draft(role="user", content="hello", key="k"), 1000)
BEGUN = append.prepare(Draft(role="user", content="begun"), 1000, state="streaming")
SOURCE = ImportSource(tool="codex", id="x")


def copy_in_slices(tx: Tx) -> Session | None:
    copy = forks.begin_copy(tx)
    return forks.reveal_copy(tx, "s", 2, copy, None, [forks.copy_slice(tx, "s", copy, 0, 2)])


def restore(tx: Tx) -> object:
    """Store a bot, a session with an interrupted message, and a memory."""
    at = timestamp(START_MS)
    session = structs.replace(sessions.get(tx, "s"), id="new", bot_id="bob", name="restored", status="crashed")
    fact = structs.replace(memories.get(tx, 1), fact="old", session_id="new", superseded_by=2)
    return restores.restore(
        tx,
        new_bots=[Bot(id="bob", name="Bob", description=None, created_at=at)],
        session=session,
        first_index=0,
        messages=[restores.RestoredMessage(NEW, at, "interrupted"), restores.RestoredMessage(KEYED, None, "complete")],
        summaries=[],
        facts=[fact],
        extraction=None,
    )


WRITES: dict[str, Callable[[Tx], object]] = {
    "append.append": lambda tx: append.append(tx, "s", NEW),
    "append.append_many": lambda tx: append.append_many(tx, "s", [NEW, NEW]),
    "append_group.append_one": lambda tx: append_group.append_one(tx, append_group.PlainAppend("s", NEW)),
    "append.append_to_place": lambda tx: append.append_to_place(tx, HERE, 1000, NEW),
    "attachments.attach": lambda tx: attachments.attach(tx, "s"),
    "attachments.detach": lambda tx: attachments.detach(tx, "attached"),
    "attachments.detach_all": attachments.detach_all,
    "attachments.mark_all_crashed": attachments.mark_all_crashed,
    "attachments.mark_crashed": lambda tx: attachments.mark_crashed(tx, "attached"),
    "bots.create": lambda tx: bots.create(tx, "bob", "Bob", None),
    "bots.delete_slice": lambda tx: bots.delete_slice(tx, "ada"),
    "bots.delete_memories": lambda tx: bots.delete_memories(tx, "ada"),
    "extractions.claim": lambda tx: extractions.claim(tx, None, 1, 1),
    "extractions.complete": lambda tx: extractions.complete(tx, 1, [FACT]),
    "extractions.delete": lambda tx: extractions.delete(tx, 1),
    "extractions.enqueue": lambda tx: extractions.enqueue(tx, "attached"),
    "extractions.fail": lambda tx: extractions.fail(tx, 1, "no model"),
    "forks.begin_copy": forks.begin_copy,
    "forks.copy_slice": lambda tx: forks.copy_slice(tx, "s", "copy", 0, 2),
    "forks.fork": lambda tx: forks.fork(tx, "s", None, None),
    "forks.reveal_copy": copy_in_slices,
    "imports.import_session": lambda tx: imports.import_session(tx, SOURCE, ImportedSession(), [KEYED], restore=True),
    "memories.delete": lambda tx: memories.delete(tx, 2),
    "memories.save": lambda tx: memories.save(
        tx, "ada", "s", MemoryDraft(fact="h", category="fact", importance=1, supersedes=2)
    ),
    "message_edit.delete": lambda tx: edit.delete(tx, "s", message_ids=[1, 2, 9], keys=None),
    "message_edit.update": lambda tx: edit.update(tx, 1, {"content": "uno"}),
    "message_replace.replace": lambda tx: replace.replace(
        tx, "s", [NEW], append.Options(), from_id=None, last=1, key="k", return_removed=True
    ),
    "message_stream.begin": lambda tx: stream.begin(tx, "s", BEGUN, append.Options()),
    "message_stream.begin_in_place": lambda tx: stream.begin_in_place(tx, HERE, 1000, BEGUN, append.Options()),
    "message_stream.finish": lambda tx: stream.finish(tx, 3, "text", {"stop_reason": "end"}),
    "message_stream.interrupt": lambda tx: stream.interrupt(tx, [stream.Piece(3, "text")]),
    "message_stream.interrupt_all": stream.interrupt_all,
    "messages.delete_before": lambda tx: messages.delete_before(tx, "s", 2),
    "resolve.resolve": lambda tx: resolve.resolve(tx, HERE, 1000, create=True),
    "restores.restore": restore,
    "retention.delete_if_unused": lambda tx: retention.delete_if_unused(
        tx, retention.expired(tx, retention.Ages(-1, None))[0]
    ),
    "sessions.create": lambda tx: sessions.create(tx, bot_id="ada"),
    "sessions.delete": lambda tx: sessions.delete(tx, "s"),
    "sessions.end": lambda tx: sessions.end(tx, "s", "completed"),
    "sessions.resume": lambda tx: sessions.resume(tx, "s"),
    "sessions.touch": lambda tx: sessions.touch(tx, "s"),
    "session_update.update": lambda tx: session_update.update(tx, "s", {"name": "new"}),
    "summaries.save": lambda tx: summaries.save(tx, "s", "all", 1, 2, 3),
}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Return a database in which each write function has something to change."""
    database = Database(tmp_path / "s.db")
    bots.create(database.tx, "ada", "Ada", None)
    database.session("s", bot_id="ada", working_dir="/here", name=None)
    database.session("attached", bot_id="ada")
    attachments.attach(database.tx, "attached")
    sessions.end(database.tx, "s", "crashed")
    for content in ("one", "two"):
        database.append("s", content)
    stream.begin(database.tx, "attached", BEGUN, append.Options())
    sessions.end(database.tx, "s", "crashed")
    memories.save(database.tx, "ada", "s", FACT)
    memories.save(database.tx, "ada", "s", MemoryDraft(fact="h", category="fact", importance=1, supersedes=1))
    extractions.enqueue(database.tx, "s")
    database.tx = Tx(database.connection, START_MS + 1)
    return database


def rows(tx: Tx) -> dict[tuple[str, Any], Data]:
    ids = {table: tx.run(f"SELECT id FROM {table}").fetchall() for table in GETTERS}
    held = "NOT EXISTS (SELECT 1 FROM purges AS p WHERE p.session_id = messages.session_id AND id < p.before_id)"
    ids["messages"] = tx.run(f"SELECT id FROM messages WHERE {held}").fetchall()
    return {(table, id): get(tx, id) for table, get in GETTERS.items() for (id,) in ids[table]}


def deletes(event: Emitted, key: tuple[str, Any], row: Any) -> bool:
    """Return True if the event says that the row is deleted."""
    match event.data:
        case BotDeletedEvent(bot_id=id):
            return key == ("bots", id)
        case SessionDeleted(session_id=id):
            return key == ("sessions", id) or (key[0] == "messages" and row.session_id == id)
        case MessagesDeleted(before_id=UnsetType(), message_ids=ids):
            return key[0] == "messages" and row.id in (ids or [])
        case MessagesDeleted(before_id=before_id):
            return key[0] == "messages" and row.session_id == event.session_id and row.id < before_id
        case MemoryDeleted(memory_id=id):
            return key == ("memories", id)
    return False


def with_data(event: Emitted) -> Emitted:
    return event._replace(data=event.data.build()) if isinstance(event.data, DeferredData) else event


def is_changed(row: Data, before: Data | None, events: list[Emitted]) -> bool:
    """Return True if the row changed, except for counters and times that an event about messages implies."""
    if isinstance(row, Session) and isinstance(before, Session):
        about_messages = [
            event for event in events if event.kind in ("message.appended", "message.updated", "messages.deleted")
        ]
        if row.id in {event.session_id for event in about_messages}:
            implied = ("message_count", "updated_at", "last_message_at")
            before = structs.replace(before, **{name: getattr(row, name) for name in implied})
    return row != before


@pytest.mark.parametrize("name", WRITES)
def test_a_write_emits_an_event_for_each_row_it_changes(database: Database, name: str) -> None:
    before = rows(database.tx)
    WRITES[name](database.tx)
    after, events = rows(database.tx), [with_data(event) for event in database.tx.emitted]
    created = {event.session_id for event in events if event.kind == "session.created"}
    forked = created if name.startswith("forks.") else set()
    for key, row in after.items():
        if is_changed(row, before.get(key), events) and getattr(row, "session_id", None) not in forked:
            assert [event for event in events if json.encode(event.data) == json.encode(row)], (
                f"no event has {key} as it is now"
            )
    for key in set(before) - set(after):
        assert [event for event in events if deletes(event, key, before[key])], f"no event says that {key} is deleted"


def test_the_list_holds_every_write_function() -> None:
    package = Path(segue.api.__file__).parents[1]
    sources = [path.read_text() for folder in ("api", "server/jobs") for path in (package / folder).glob("*.py")]
    calls = {
        call
        for text in sources
        for call in re.findall(r"write(?:_inline|_deletion|_grouped)?\(\s*(?:store\.)?(\w+\.\w+)", text)
    }
    # The daemon sends the event of a piece when it arrives, before it is stored.
    elsewhere = (
        "message_stream.add_pieces", "index.", "figures.", "purges.", "daemon_state.", "scrub.", "integrity.",
        "account.", "lifecycle.", "joining.",
    )  # fmt: skip
    assert {call for call in calls if not call.startswith(elsewhere)} <= set(WRITES)
    assert len(calls) > len(elsewhere)
