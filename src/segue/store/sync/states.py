"""Read the state of each kind of thing as a record."""

from typing import Any

from segue.errors import InvalidData, NotFound
from segue.models import Memory, Session
from segue.store.engine.tx import Tx
from segue.store.records import memories, sessions
from segue.store.sync import account, edges, fields, kinds, own_sessions
from segue.store.sync.homes import PATHS, Home
from segue.store.sync.kinds import MEMORY, SUMMARY, Identity
from segue.store.sync.own_sessions import ALIVE
from segue.store.sync.wire import (
    BotRecord,
    EdgesRecord,
    MemoryRecord,
    Ref,
    SessionRecord,
    SummaryRecord,
    TombstoneRecord,
)


def ref(tx: Tx, identity: Identity) -> Ref:
    """Return the identity as it travels."""
    return account.machine_uid(tx, identity.machine), identity.oid


def identity(tx: Tx, ref: Ref) -> Identity:
    """Return the identity that travels, with the machine's number here."""
    return Identity(account.machine_number(tx, ref[0]), ref[1])


def session(tx: Tx, uid: bytes, home: Home, *, whole: bool) -> SessionRecord | None:
    """Return the session with the fields that changed since they were published, or, if `whole`, with all of them.

    An expired session that is here is always published as a whole, because others may have dropped it.
    """
    sql = "SELECT id, wire_id, bot_id, created_at, state, published, tokens FROM sync_sessions WHERE uid = :uid"
    row = tx.run(sql, uid=uid).fetchone()
    if row is None:
        return None
    id, wire_id, bot_id, created_at, state, published, tokens = row
    if id is None:
        return SessionRecord(uid, wire_id, bot_id, created_at, state) if state != ALIVE else None
    try:
        found = sessions.get(tx, id)
    except (NotFound, InvalidData):
        return None
    stamps = fields.load(tx, uid)
    if stamps is None:
        stamps, whole = fields.first_stamps(found, account.machine_uid(tx, account.get(tx).machine)), True
    values = _fields_to_wire(tx, uid, found, home)
    return SessionRecord(
        uid,
        wire_id,
        bot_id,
        created_at,
        state,
        found.updated_at,
        found.last_message_at,
        {
            name: (values[name], stamp.at, stamp.machine)
            for name, stamp in stamps.items()
            if stamp.machine and (whole or state != ALIVE or stamp.noted > published)
        },
        tokens_of(tx, found, fields.decode_tokens(tokens)),
        int(tx.run("SELECT count(*) FROM summaries WHERE session_id = :id", id=id).fetchone()[0]),
    )


def summaries_of_expired(tx: Tx, record: SessionRecord) -> list[SummaryRecord]:
    """Return what else others may have dropped of an expired session that is here: its summaries."""
    if record.state == ALIVE or not record.fields:
        return []
    rows = tx.run(
        "SELECT id FROM summaries WHERE session_id = (SELECT id FROM sync_sessions WHERE uid = :uid) ORDER BY id",
        uid=record.uid,
    ).fetchall()
    return [found for (id,) in rows if (found := summary(tx, id)) is not None]


def _fields_to_wire(tx: Tx, uid: bytes, session: Session, home: Home) -> dict[str, Any]:
    """Return the values of all fields as they travel."""
    wire = {name: field_to_wire(tx, name, value, home) for name, value in fields.values_of(session).items()}
    if wire["parent_id"] is not None:  # Its id may be another session's by now.
        parent = tx.run("SELECT parent FROM sync_sessions WHERE uid = :uid", uid=uid).fetchone()[0]
        wire["parent_id"][0] = parent or wire["parent_id"][0]
    return wire


def field_to_wire(tx: Tx, name: str, value: Any, home: Home) -> Any:
    """Return a field's value as it travels."""
    if name in PATHS:
        return home.to_wire(value)
    if name == "parent_id" and value is not None:
        return [own_sessions.find_uid(tx, value), value]
    return value


def tokens_of(tx: Tx, session: Session, others: dict[bytes, tuple[int, int]]) -> dict[bytes, tuple[int, int]]:
    """Return the tokens that each machine counted."""
    own = account.machine_uid(tx, account.get(tx).machine)
    return share_of((session.input_tokens, session.output_tokens), others, own)


def share_of(total: tuple[int, int], others: dict[bytes, tuple[int, int]], own: bytes) -> dict[bytes, tuple[int, int]]:
    """Return the tokens that each machine counted; what no other machine counted is OWN's."""
    rest = {machine: counted for machine, counted in others.items() if machine != own}
    mine = (
        max(0, total[0] - sum(used for used, _ in rest.values())),
        max(0, total[1] - sum(used for _, used in rest.values())),
    )
    return {**rest, own: mine} if mine != (0, 0) else rest


def tombstone(tx: Tx, kind: int, identity: Identity) -> TombstoneRecord:
    """Return the record of one deleted row."""
    return TombstoneRecord(kind, account.machine_uid(tx, identity.machine), [identity.oid])


def memory(tx: Tx, id: int) -> MemoryRecord | None:
    """Return the memory, or None if it is not here."""
    try:
        found: Memory = memories.get(tx, id)
    except (NotFound, InvalidData):
        return None
    sql = "SELECT session, source_machine, source_oid FROM sync_memories WHERE id = :id"
    session, machine, oid = tx.run(sql, id=id).fetchone() or (None, None, None)
    stamp = kinds.stamp_of(tx, MEMORY, id)
    return MemoryRecord(
        *ref(tx, kinds.identity_of(tx, MEMORY, id)),
        found.bot_id,
        session,
        found.session_id,
        None if machine is None or oid is None else ref(tx, Identity(machine, oid)),
        found.category,
        found.importance,
        found.is_manual,
        found.created_at,
        found.fact,
        stamp.at,
        stamp.machine,
    )


def edges_of(tx: Tx, new: Identity) -> EdgesRecord:
    """Return what a memory supersedes."""
    return EdgesRecord(*ref(tx, new), [ref(tx, old) for old in edges.predecessors(tx, new)])


def summary(tx: Tx, id: int) -> SummaryRecord | None:
    """Return the summary, or None if it is not here."""
    row = tx.run(
        """
        SELECT s.uid, p.number, p.start_machine, p.start_oid, p.run, p.machine, p.oid,
               u.token_count, u.created_at, u.summary
        FROM summaries AS u JOIN sync_sessions AS s ON s.id = u.session_id JOIN sync_summaries AS p ON p.id = u.id
        WHERE u.id = :id
        """,
        id=id,
    ).fetchone()
    if row is None:
        return None
    session, number, start_machine, start_oid, run, end_machine, end_oid, token_count, created_at, text = row
    machine, oid = ref(tx, kinds.identity_of(tx, SUMMARY, id))
    stamp = kinds.stamp_of(tx, SUMMARY, id)
    return SummaryRecord(
        machine=machine,
        oid=oid,
        session=bytes(session),
        number=number,
        start=(bytes(start_machine), start_oid),
        end_run=run,
        end=(bytes(end_machine), end_oid),
        token_count=token_count,
        created_at=created_at,
        summary=text,
        stamp=stamp.at,
        stamped_by=stamp.machine,
    )


def bot(tx: Tx, id: str) -> BotRecord | None:
    """Return the bot, or what is known of a deleted one."""
    known = tx.run(
        """
        SELECT b.alive, b.stamp, m.uid FROM sync_bots AS b JOIN sync_machines AS m ON m.n = b.machine WHERE b.id = :id
        """,
        id=id,
    ).fetchone()
    if known is None:
        return None
    alive, stamp, machine = bool(known[0]), known[1], bytes(known[2])
    row = tx.run("SELECT name, description, created_at FROM bots WHERE id = :id", id=id).fetchone()
    return BotRecord(id, alive, stamp, machine, *(row or (id, None, "")))
