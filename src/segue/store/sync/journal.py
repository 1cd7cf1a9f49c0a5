"""Record the changes that other machines need, from the events of a query and in its transaction.

A plain append is no entry: the messages of this machine above `sealed_message` are to be published. Everything else
becomes a row of `sync_dirty`, a tombstone, and batches to be rewritten.
"""

from typing import cast

from segue.events import BotDeletedEvent, Emitted, MemoryDeleted, MessagesDeleted, SessionDeleted
from segue.models import Bot, Memory, Message, Session, Summary
from segue.store.engine.tx import Tx
from segue.store.records import memories, messages
from segue.store.sync import account, contents, dirty, edges, fields, kinds, own_sessions
from segue.store.sync.kinds import MEMORY, MESSAGE, SUMMARY, Identity

APPENDED = "message.appended"


def is_needed(events: list[Emitted]) -> bool:
    """Return True unless all events are of plain appends."""
    return any(event.kind != APPENDED for event in events)


def record(tx: Tx) -> None:
    """Record what the query's events mean for other machines. Call this at the end of its transaction."""
    if tx.cause == "sync" or not is_needed(tx.emitted) or not account.is_on(tx):
        return
    for event in list(tx.emitted):
        _record(tx, event)


def _record(tx: Tx, event: Emitted) -> None:
    match event.data:
        case Session():
            own_sessions.note(tx, event.data)
        case SessionDeleted(session_id=session_id):
            own_sessions.note_deleted(tx, session_id, expired=tx.cause == "retention")
        case MessagesDeleted():
            _note_messages_deleted(tx, cast("str", event.session_id), event.data)
        case Message() if event.kind == "message.updated":
            _note_message_changed(tx, event.data)
        case Summary():
            _note_summary(tx, event.data)
        case Memory():
            _note_memory(tx, event.data)
        case MemoryDeleted(memory_id=memory_id):
            _note_memory_deleted(tx, memory_id)
        case Bot():
            _note_bot(tx, event.data.id, alive=True)
        case BotDeletedEvent(bot_id=bot_id):
            _note_bot(tx, bot_id, alive=False)


def _note_messages_deleted(tx: Tx, session_id: str, event: MessagesDeleted) -> None:
    uid = own_sessions.find_uid(tx, session_id)
    if uid is None:
        return
    if isinstance(event.message_ids, list):
        found = [(id, *_removed(tx, id)) for id in event.message_ids]
    else:
        found = own_sessions.rows_of(tx, session_id, cast("int", event.before_id))
    own_sessions.add_tombstones(tx, uid, found)
    tx.run("DELETE FROM sync_removed WHERE session_id = :id", id=session_id)
    dirty.mark(tx, "session", uid)
    own_sessions.settle(tx, uid)


def _removed(tx: Tx, id: int) -> tuple[int | None, int | None]:
    row = tx.run("SELECT machine, oid FROM sync_removed WHERE id = :id", id=id).fetchone()
    return (None, None) if row is None else tuple(row)


def _note_message_changed(tx: Tx, message: Message) -> None:
    uid = own_sessions.find_uid(tx, message.session_id)
    if uid is None:
        return
    if message.state == "interrupted" and message.updated_at is None:
        # What a daemon interrupts at its start may be finished where the database was copied from.
        kinds.set_stamp(tx, MESSAGE, message.id, fields.GENERATED, account.get(tx).machine)
    else:
        _stamp(tx, MESSAGE, message.id)
    dirty.mark(tx, "message", message.id)
    dirty.mark(tx, "session", uid)
    contents.erase_message(tx, uid, kinds.identity_of(tx, MESSAGE, message.id))


def _stamp(tx: Tx, kind: int, id: int) -> None:
    kinds.set_stamp(tx, kind, id, account.tick(tx), account.get(tx).machine)


def _note_summary(tx: Tx, summary: Summary) -> None:
    if own_sessions.find_uid(tx, summary.session_id) is not None:
        own_sessions.note_summary(tx, summary.id, summary.messages_start, summary.messages_end)


def _note_memory(tx: Tx, memory: Memory) -> None:
    row = tx.run("SELECT hash FROM sync_memories WHERE id = :id", id=memory.id).fetchone()
    if row is None:
        add_memory(tx, memory)
        dirty.mark(tx, "memory", memory.id)
    elif row[0] != hash_of_memory(memory):
        _note_memory_changed(tx, memory)
    if memory.superseded_by is not None:
        successor = kinds.identity_of(tx, MEMORY, memory.superseded_by)
        if edges.add(tx, kinds.identity_of(tx, MEMORY, memory.id), successor):
            dirty.mark(tx, "edges", f"{successor.machine} {successor.oid}")


def _note_memory_changed(tx: Tx, memory: Memory) -> None:
    _stamp(tx, MEMORY, memory.id)
    tx.run("UPDATE sync_memories SET hash = :hash WHERE id = :id", id=memory.id, hash=hash_of_memory(memory))
    contents.erase_memory(tx, kinds.identity_of(tx, MEMORY, memory.id))
    dirty.mark(tx, "memory", memory.id)


def hash_of_memory(memory: Memory) -> bytes:
    """Return a hash of what a change in place changes."""
    return fields.hash_of([memory.fact, memory.importance])


def note_redacted(tx: Tx, table: str, id: str | int) -> None:
    """Record that a scrub changed a row, for which it emits no event of its own."""
    if not account.is_on(tx):
        return
    if table == "messages":
        _note_message_changed(tx, messages.get(tx, int(id)))
    elif table == "memories":
        _note_memory(tx, memories.get(tx, int(id)))
    elif table == "bots":
        _note_bot(tx, str(id), alive=True)
        contents.erase_thing(tx, contents.thing_of_bot(str(id)))
    elif table == "summaries":
        session_id = tx.run("SELECT session_id FROM summaries WHERE id = :id", id=id).fetchone()[0]
        if (uid := own_sessions.find_uid(tx, session_id)) is not None:
            _stamp(tx, SUMMARY, int(id))
            dirty.mark(tx, "summary", int(id))
            contents.erase_record(tx, uid)


def add_memory(tx: Tx, memory: Memory) -> None:
    """Record the identities of a memory's session and source."""
    source = None
    if memory.source_message_id is not None:
        source = kinds.identity_of(tx, MESSAGE, memory.source_message_id)
    tx.run(
        """
        INSERT OR REPLACE INTO sync_memories (id, hash, session, source_machine, source_oid)
        VALUES (:id, :hash, :session, :machine, :oid)
        """,
        id=memory.id,
        hash=hash_of_memory(memory),
        session=None if memory.session_id is None else own_sessions.find_uid(tx, memory.session_id),
        machine=source.machine if source else None,
        oid=source.oid if source else None,
    )


def _note_memory_deleted(tx: Tx, memory_id: int) -> None:
    identity = kinds.identity_of(tx, MEMORY, memory_id)
    forget_memory(tx, memory_id, identity)
    dirty.mark(tx, "dead", f"{MEMORY} {identity.machine} {identity.oid}")
    edges.renew(tx, edges.below(tx, identity))


def forget_memory(tx: Tx, memory_id: int, identity: Identity) -> None:
    """Record that the memory is deleted, and have it deleted at the hub."""
    kinds.add_tombstone(tx, MEMORY, identity)
    contents.erase_memory(tx, identity)
    tx.run("DELETE FROM sync_imported WHERE kind = :kind AND id = :id", kind=MEMORY, id=memory_id)
    tx.run("DELETE FROM sync_memories WHERE id = :id", id=memory_id)


def _note_bot(tx: Tx, bot_id: str, *, alive: bool) -> None:
    stamp = account.tick(tx)
    tx.run(
        "INSERT OR REPLACE INTO sync_bots (id, alive, stamp, machine) VALUES (:id, :alive, :stamp, :machine)",
        id=bot_id,
        alive=alive,
        stamp=stamp,
        machine=account.get(tx).machine,
    )
    dirty.mark(tx, "bot", bot_id)
    if not alive:
        contents.erase_thing(tx, contents.thing_of_bot(bot_id))
