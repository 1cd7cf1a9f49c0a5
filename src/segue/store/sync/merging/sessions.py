"""Merge sessions: their state, their fields, their times and their tokens."""

from enum import Enum
from typing import Any, NamedTuple

from segue.store.engine.rows import encode_json
from segue.store.engine.tx import Tx
from segue.store.records import session_identity, sessions
from segue.store.sync import account, contents, dirty, fields, machines, own_sessions, states
from segue.store.sync.fields import FieldStamp
from segue.store.sync.homes import PATHS, Home
from segue.store.sync.merging import bots, twins
from segue.store.sync.own_sessions import ALIVE, DELETED
from segue.store.sync.wire import SessionRecord


class Known(NamedTuple):
    """A session of any machine: its id here, None if it is not here, and its state."""

    id: str | None
    state: int
    wire_id: str
    bot_id: str
    created_at: str
    twin: int | None = None
    """The newest message of a session that was here before, whose record came."""


def find(tx: Tx, uid: bytes) -> Known | None:
    """Return what is known of a session."""
    sql = "SELECT id, state, wire_id, bot_id, created_at, twin FROM sync_sessions WHERE uid = :uid"
    row = tx.run(sql, uid=uid).fetchone()
    return None if row is None else Known(*row)


class Outcome(Enum):
    """The outcome of merging a record of a session."""

    SAME = "same"
    CREATED = "created"
    """The session is here, and was not before."""
    STALE = "stale"
    """The session is deleted or a text of it was replaced, so the batch that holds the record is to be rewritten."""


def merge(tx: Tx, record: SessionRecord, home: Home, machine: int) -> Outcome:
    """Merge the record, which a machine published."""
    known = find(tx, record.uid)
    if known is None and twins.adopt_session(tx, record):
        known = find(tx, record.uid)
        dirty.mark(tx, "session", record.uid)
    known = _merge_state(tx, record, known or _meet(tx, record))
    if known.state == DELETED:
        remove(tx, record.uid, known)
        return Outcome.STALE if record.fields else Outcome.SAME
    if not record.fields and not record.updated_at:
        return Outcome.SAME
    created = known.id is None
    id = known.id
    if id is None:  # An expired session ends again with the batch unless a message comes that keeps it alive.
        id = create(tx, record.uid, known, machine)
    before = sessions.get(tx, id)
    outdated = _merge_fields(tx, record, id, home)
    _merge_totals(tx, record, id)
    after = sessions.get(tx, id)
    if created or after != before:
        machines.name_sessions(tx, [after])
        sessions.emit(tx, "session.created" if created else "session.updated", after)
    if known.state != ALIVE:
        _answer(tx, record, home)
    if created:
        return Outcome.CREATED
    return Outcome.STALE if outdated else Outcome.SAME


def _merge_state(tx: Tx, record: SessionRecord, known: Known) -> Known:
    if record.state <= known.state:
        return known
    tx.run("UPDATE sync_sessions SET state = :state WHERE uid = :uid", uid=record.uid, state=record.state)
    if known.id is not None:
        # Who deleted the session drops all of it, but messages that it had not seen keep the session alive.
        dirty.mark(tx, "whole session", record.uid)
    return known._replace(state=record.state)


def _answer(tx: Tx, record: SessionRecord, home: Home) -> None:
    """Publish an expired session again if this machine has more of it, because others may have dropped that."""
    now = states.session(tx, record.uid, home, whole=True)
    if now is None:
        return
    unset = (None, -1, b"")
    if (
        any((at, machine) > record.fields.get(name, unset)[1:] for name, (_, at, machine) in now.fields.items())
        or any(counted > record.tokens.get(machine, (0, 0)) for machine, counted in now.tokens.items())
        or (now.updated_at, now.last_message_at) > (record.updated_at, record.last_message_at)
        or now.last_message_at > record.last_message_at
        or now.summaries > record.summaries
    ):
        dirty.mark(tx, "session", record.uid)


def _meet(tx: Tx, record: SessionRecord) -> Known:
    tx.run(
        """
        INSERT INTO sync_sessions (uid, wire_id, bot_id, created_at) VALUES (:uid, :wire_id, :bot_id, :created_at)
        """,
        uid=record.uid,
        wire_id=record.wire_id,
        bot_id=record.bot_id,
        created_at=record.created_at,
    )
    return Known(None, ALIVE, record.wire_id, record.bot_id, record.created_at)


def remove(tx: Tx, uid: bytes, known: Known) -> None:
    """Delete a session that another machine deleted."""
    if known.id is not None:
        sessions.delete(tx, known.id, for_good=False)
        tx.run("DELETE FROM sync_removed WHERE session_id = :id", id=known.id)
    own_sessions.leave(tx, uid, DELETED, publish=False)


def create(tx: Tx, uid: bytes, known: Known, machine: int) -> str:
    """Create a session of another machine here, without fields and without an event, and return its id."""
    bots.ensure(tx, known.bot_id)
    id = _free_id(tx, known.wire_id, uid)
    sessions.create(tx, id=id, bot_id=known.bot_id, emit_event=False)
    sql = "UPDATE sessions SET created_at = :at, updated_at = :at, last_message_at = :at WHERE id = :id"
    tx.run(sql, id=id, at=known.created_at)
    tx.run("UPDATE sync_sessions SET id = :id WHERE uid = :uid", id=id, uid=uid)
    # The lowest stamps, because no machine set these values. Without any, a change here would count as one of them.
    fields.store(tx, uid, fields.first_stamps(sessions.get(tx, id), b""))
    tx.run(
        "UPDATE memories SET session_id = :id WHERE id IN (SELECT id FROM sync_memories WHERE session = :uid)",
        id=id,
        uid=uid,
    )
    _adopt_children(tx, uid, id)
    use_elsewhere(tx, id, machine)
    return id


def _adopt_children(tx: Tx, uid: bytes, id: str) -> None:
    """Make the session the parent of those that came before it."""
    children = tx.run("SELECT uid, id FROM sync_sessions WHERE parent = :uid AND id IS NOT NULL", uid=uid).fetchall()
    for child, child_id in children:
        stamps = fields.load(tx, child) or {}
        if (stamp := stamps.get("parent_id")) is not None:
            tx.run("UPDATE sessions SET parent_id = :id WHERE id = :child", id=id, child=child_id)
            fields.store(tx, child, {**stamps, "parent_id": stamp._replace(hash=fields.hash_of(id))})


def _free_id(tx: Tx, wire_id: str, uid: bytes) -> str:
    """Return the session's id, or another one if that is or was another session's here."""
    return own_sessions.suffixed(wire_id, uid) if session_identity.is_taken(tx, wire_id) else wire_id


def use_elsewhere(tx: Tx, session_id: str, machine: int) -> None:
    """Record that another machine used the session last."""
    tx.run(
        """
        INSERT OR REPLACE INTO sync_elsewhere (session_id, upto, machine)
        SELECT :id, coalesce(max(id), 0), :machine FROM messages
        """,
        id=session_id,
        machine=machine,
    )


def stay_elsewhere(tx: Tx, session_id: str, first_new: int) -> None:
    """Keep a session that this machine did not use as another one's, after messages from an id on came."""
    tx.run(
        """
        UPDATE sync_elsewhere SET upto = (SELECT max(id) FROM messages)
        WHERE session_id = :id AND NOT EXISTS (
            SELECT 1 FROM messages AS m WHERE m.session_id = :id AND m.id > upto AND m.id < :first_new
        )
        """,
        id=session_id,
        first_new=first_new,
    )


def _merge_fields(tx: Tx, record: SessionRecord, id: str, home: Home) -> bool:
    """Set the fields that the record changes; return True if it has an old text of another one."""
    session = sessions.get(tx, id)
    values = fields.values_of(session)
    own = account.machine_uid(tx, account.get(tx).machine)
    stamps = fields.load(tx, record.uid)
    new = dict(fields.first_stamps(session, own) if stamps is None else stamps)
    changes: dict[str, Any] = {}
    outdated = False
    for name, (value, at, machine) in record.fields.items():
        stamp = new.get(name)
        if stamp is not None and not _is_newer(tx, record.uid, name, (value, at, machine), stamp, values[name], home):
            outdated |= name in fields.TEXTS and value != values[name]
            continue
        changes[name] = local = _from_wire(tx, name, value, home)
        new[name] = FieldStamp(at, machine, fields.hash_of(local))
        if name == "parent_id":
            parent = None if value is None else value[0]
            tx.run("UPDATE sync_sessions SET parent = :parent WHERE uid = :uid", parent=parent, uid=record.uid)
    if not changes:
        return outdated
    fields.store(tx, record.uid, new)
    if stamps and any(name in fields.TEXTS and name in stamps and stamps[name].machine for name in changes):
        contents.erase_record(tx, record.uid)
    columns = {name: value for name, value in changes.items() if name != "ended"}
    if "ended" in changes:
        columns["status"], columns["ended_at"] = changes["ended"]
    for name in ("metadata", "tags"):
        if name in columns:
            columns[name] = encode_json(columns[name])
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    tx.run(f"UPDATE sessions SET {assignments} WHERE id = :session_id", session_id=id, **columns)
    return outdated


def _is_newer(
    tx: Tx, uid: bytes, name: str, published: tuple[Any, int, bytes], stamp: FieldStamp, value: Any, home: Home
) -> bool:
    """Return True if the published change wins; of two with one stamp, which only copies have, by the value."""
    new, at, machine = published
    if (at, machine) != stamp.rank:
        return (at, machine) > stamp.rank
    local = states.field_to_wire(tx, name, value, home)
    if name == "parent_id":  # A parent may have different ids on two machines, and none where it is deleted.
        new = new and new[0] and new[0].hex()
        local = local and tx.run("SELECT lower(hex(parent)) FROM sync_sessions WHERE uid = :uid", uid=uid).fetchone()[0]
        new, local = new or None, local or None
    return fields.hash_of(new) > fields.hash_of(local)


def _from_wire(tx: Tx, name: str, value: Any, home: Home) -> Any:
    if name in PATHS:
        return home.from_wire(value)
    if name == "parent_id" and value is not None:
        uid, wire_id = value
        known = None if uid is None else find(tx, uid)
        return known.id if known is not None and known.id is not None else wire_id
    return value


def _merge_totals(tx: Tx, record: SessionRecord, id: str) -> None:
    """Merge the times and the tokens; of each machine's tokens the larger number counts."""
    session = sessions.get(tx, id)
    own = account.machine_uid(tx, account.get(tx).machine)
    column = tx.run("SELECT tokens FROM sync_sessions WHERE uid = :uid", uid=record.uid).fetchone()[0]
    merged = states.tokens_of(tx, session, fields.decode_tokens(column))
    for machine, counted in record.tokens.items():
        before = merged.get(machine, (0, 0))
        merged[machine] = max(before[0], counted[0]), max(before[1], counted[1])
    others = {machine: counted for machine, counted in merged.items() if machine != own}
    tx.run(
        "UPDATE sync_sessions SET tokens = :tokens WHERE uid = :uid",
        uid=record.uid,
        tokens=fields.encode_tokens(others),
    )
    tx.run(
        """
        UPDATE sessions SET input_tokens = :input, output_tokens = :output,
                            updated_at = max(updated_at, :updated_at),
                            last_message_at = max(last_message_at, :last_message_at)
        WHERE id = :id
        """,
        id=id,
        input=sum(used for used, _ in merged.values()),
        output=sum(used for _, used in merged.values()),
        updated_at=record.updated_at,
        last_message_at=record.last_message_at,
    )
