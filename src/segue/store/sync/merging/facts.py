"""Merge memories and summaries, and the edges between memories."""

from segue.events import MemoryDeleted
from segue.store.engine.tx import Tx
from segue.store.records import memories, sessions, summaries
from segue.store.sync import account, contents, edges, journal, kinds, states
from segue.store.sync.kinds import MEMORY, MESSAGE, SUMMARY, Identity, Stamp
from segue.store.sync.merging import bots, twins
from segue.store.sync.merging.messages import Stale, hold
from segue.store.sync.merging.sessions import find
from segue.store.sync.own_sessions import ALIVE
from segue.store.sync.wire import EdgesRecord, MemoryRecord, Ref, SummaryRecord, encode


def merge(tx: Tx, record: MemoryRecord | EdgesRecord | SummaryRecord) -> None:
    """Merge the record.

    Raises:
        Stale: the memory, or the session of the summary, is deleted.
    """
    match record:
        case MemoryRecord():
            merge_memory(tx, record)
        case EdgesRecord():
            merge_edges(tx, record)
        case SummaryRecord():
            merge_summary(tx, record)


def merge_memory(tx: Tx, record: MemoryRecord) -> None:
    """Merge the memory.

    Raises:
        Stale: the memory is deleted or has another text now.
    """
    identity = states.identity(tx, (record.machine, record.oid))
    if kinds.has_tombstone(tx, MEMORY, identity):
        raise Stale
    row = kinds.find_row(tx, MEMORY, identity)
    session_id = _session_of(tx, record)
    if row is None:
        row = twins.adopt_memory(tx, record, session_id, identity) or _insert_memory(tx, record, session_id, identity)
        edges.renew(tx, edges.below(tx, identity))
    elif (order := _compare(tx, MEMORY, row, record)) <= 0:
        if order < 0:
            raise Stale
        return
    else:
        tx.run(
            "UPDATE memories SET fact = :fact, importance = :importance WHERE id = :id",
            id=row,
            fact=record.fact,
            importance=record.importance,
        )
        contents.erase_memory(tx, identity)
    if record.stamp:
        kinds.set_stamp(tx, MEMORY, row, record.stamp, account.machine_number(tx, record.stamped_by))
    memory = memories.get(tx, row)
    tx.run("UPDATE sync_memories SET hash = :hash WHERE id = :id", id=row, hash=journal.hash_of_memory(memory))
    memories.emit_saved(tx, [row])


def _compare(tx: Tx, kind: int, row: int, record: MemoryRecord | SummaryRecord) -> int:
    """Return a negative number if the record is of an earlier change than the row, 0 if it is of the same."""
    new, stamp = Stamp(record.stamp, record.stamped_by), kinds.stamp_of(tx, kind, row)
    return (new > stamp) - (new < stamp)


def _session_of(tx: Tx, record: MemoryRecord) -> str | None:
    """Return the id of the memory's session here."""
    known = None if record.session is None else find(tx, record.session)
    return known.id if known is not None and known.id is not None else record.session_id


def _insert_memory(tx: Tx, record: MemoryRecord, session_id: str | None, identity: Identity) -> int:
    bots.ensure(tx, record.bot_id)
    source = None if record.source is None else states.identity(tx, record.source)
    row = tx.run(
        """
        INSERT INTO memories (bot_id, session_id, category, importance, source_message_id, is_manual, created_at, fact)
        VALUES (:bot_id, :session_id, :category, :importance, :source, :is_manual, :created_at, :fact)
        """,
        bot_id=record.bot_id,
        session_id=session_id,
        category=record.category,
        importance=record.importance,
        source=None if source is None else kinds.find_row(tx, MESSAGE, source),
        is_manual=record.is_manual,
        created_at=record.created_at,
        fact=record.fact,
    ).lastrowid
    kinds.adopt(tx, MEMORY, row or 0, identity)
    tx.run(
        """
        INSERT INTO sync_memories (id, session, source_machine, source_oid) VALUES (:id, :session, :machine, :oid)
        """,
        id=row,
        session=record.session,
        machine=None if source is None else source.machine,
        oid=None if source is None else source.oid,
    )
    return row or 0


def merge_edges(tx: Tx, record: EdgesRecord) -> None:
    """Merge what a memory supersedes."""
    new = states.identity(tx, (record.machine, record.oid))
    added = [old for ref in record.old if edges.add(tx, old := states.identity(tx, ref), new)]
    if added:
        edges.renew(tx, edges.below(tx, new))


def delete_memories(tx: Tx, identities: list[Identity]) -> bool:
    """Delete memories that another machine deleted; return True if one of them was here."""
    deleted = False
    for identity in identities:
        row = kinds.find_row(tx, MEMORY, identity)
        if not kinds.add_tombstone(tx, MEMORY, identity):
            continue
        if row is not None:
            deleted = True
            memory = tx.run("SELECT session_id, bot_id FROM memories WHERE id = :id", id=row).fetchone()
            scope = None if memory[0] is None else sessions.find_scope(tx, memory[0])
            tx.run("UPDATE memories SET superseded_by = NULL WHERE superseded_by = :id", id=row)
            tx.run("DELETE FROM memories WHERE id = :id", id=row)
            journal.forget_memory(tx, row, identity)
            tx.emit(
                "memory.deleted",
                MemoryDeleted(memory_id=row),
                session_id=memory[0],
                working_dir=scope.working_dir if scope else None,
                bot_id=memory[1],
            )
        edges.renew(tx, edges.below(tx, identity))
    return deleted


def merge_summary(tx: Tx, record: SummaryRecord) -> None:
    """Merge the summary. It waits for its session.

    Raises:
        Stale: the session is deleted, or the summary has another text now.
    """
    known = find(tx, record.session)
    if known is None or (known.id is None and known.state == ALIVE):
        hold(tx, record.session, encode(record))
        return
    if known.id is None:
        raise Stale
    identity = states.identity(tx, (record.machine, record.oid))
    row = kinds.find_row(tx, SUMMARY, identity)
    if row is None and (row := twins.adopt_summary(tx, record, known.id, identity)) is None:
        row = _insert_summary(tx, record, identity, known.id)
    elif (order := _compare(tx, SUMMARY, row, record)) <= 0:
        if order < 0:
            raise Stale
        return
    else:
        tx.run("UPDATE summaries SET summary = :summary WHERE id = :id", id=row, summary=record.summary)
        contents.erase_record(tx, record.session)
    if record.stamp:
        kinds.set_stamp(tx, SUMMARY, row, record.stamp, account.machine_number(tx, record.stamped_by))
    scope = sessions.scope(tx, known.id)
    saved = summaries.get(tx, row)
    tx.emit("summary.saved", saved, session_id=known.id, working_dir=scope.working_dir, bot_id=scope.bot_id)


def _row_of(tx: Tx, ref: Ref) -> int:
    """Return a message's id here, 0 if it is deleted or did not come yet."""
    return kinds.find_row(tx, MESSAGE, states.identity(tx, ref)) or 0


def _insert_summary(tx: Tx, record: SummaryRecord, identity: Identity, session_id: str) -> int:
    row = tx.run(
        """
        INSERT INTO summaries (session_id, messages_start, messages_end, token_count, created_at, summary)
        VALUES (:session_id, :start, :end, :token_count, :created_at, :summary)
        """,
        session_id=session_id,
        start=_row_of(tx, record.start),
        end=_row_of(tx, record.end),
        token_count=record.token_count,
        created_at=record.created_at,
        summary=record.summary,
    ).lastrowid
    kinds.adopt(tx, SUMMARY, row or 0, identity)
    tx.run(
        """
        INSERT INTO sync_summaries (id, number, run, machine, oid, start_machine, start_oid)
        VALUES (:id, :number, :run, :machine, :oid, :start_machine, :start_oid)
        """,
        id=row,
        number=record.number,
        run=record.end_run,
        machine=record.end[0],
        oid=record.end[1],
        start_machine=record.start[0],
        start_oid=record.start[1],
    )
    return row or 0
