"""Sessions as this machine changes them: what is to be published of them, and what is deleted with them."""

from segue.models import Session
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions
from segue.store.sync import account, contents, dirty, fields, kinds
from segue.store.sync.kinds import MESSAGE, Identity

ALIVE, DELETED = 0, 1 << 62
"""States of a session, of which the larger one wins. In between is the stamp of its last expiry: an expired session is
alive while it has messages."""

STORE_KIND = ("segue.kind", "store")
"""The member of the metadata of sessions in which frameworks keep data of this machine."""

Row = tuple[int, int | None, int | None]
"""A message's id and, of another machine's, the machine and the id there."""


def travels(session: Session) -> bool:
    """Return True for a session that is published: neither imported from a tool nor data of a framework."""
    return session.source is None and session.metadata.get(STORE_KIND[0]) != STORE_KIND[1]


def find_uid(tx: Tx, session_id: str) -> bytes | None:
    """Return the uid of a session that is here, or None if it does not travel."""
    row = tx.run("SELECT uid FROM sync_sessions WHERE id = :id", id=session_id).fetchone()
    return None if row is None else bytes(row[0])


def add(tx: Tx, session: Session) -> bytes:
    """Give the session a uid, and have it published with the messages that it already has."""
    uid = account.new_uid()
    tx.run(
        """
        INSERT INTO sync_sessions (uid, id, wire_id, bot_id, created_at) VALUES (:uid, :id, :id, :bot_id, :created_at)
        """,
        uid=uid,
        id=session.id,
        bot_id=session.bot_id,
        created_at=session.created_at,
    )
    # A fork has messages that are older than its session, so they may be below what is sealed.
    tx.run(
        """
        INSERT OR REPLACE INTO sync_dirty (kind, ref)
        SELECT 'message', id FROM messages
        WHERE session_id = :id AND id <= (SELECT sealed_message FROM sync_account)
        """,
        id=session.id,
    )
    return uid


def note(tx: Tx, session: Session) -> None:
    """Have the session published, with the fields that differ from those that were seen last."""
    uid = find_uid(tx, session.id)
    before: fields.Stamps | None = None
    machine = account.machine_uid(tx, account.get(tx).machine)
    if uid is None:
        if not travels(session):
            return
        uid = add(tx, session)
        stamps = fields.first_stamps(session, machine)
    else:
        before = fields.load(tx, uid)
        at = account.tick(tx)
        if before is None:
            stamps = fields.first_stamps(session, machine, at)
        else:
            stamps = fields.changed(session, before, at, machine)
            if _lost_text(before, stamps):
                contents.erase_record(tx, uid)
    fields.store(tx, uid, stamps)
    dirty.mark(tx, "session", uid)
    if before is None or stamps["parent_id"] != before.get("parent_id"):
        parent = None if session.parent_id is None else find_uid(tx, session.parent_id)
        tx.run("UPDATE sync_sessions SET parent = :parent WHERE uid = :uid", parent=parent, uid=uid)
    # A fork's summaries have no events.
    new = """
        SELECT id, messages_start, messages_end FROM summaries
        WHERE session_id = :id AND NOT EXISTS (SELECT 1 FROM sync_summaries AS s WHERE s.id = summaries.id)
    """
    for row in tx.run(new, id=session.id).fetchall():
        note_summary(tx, *row)
    tx.run("DELETE FROM sync_elsewhere WHERE session_id = :id", id=session.id)


def suffixed(wire_id: str, uid: bytes) -> str:
    """Return the id here of a session whose id is another session's."""
    return f"{wire_id[:119]}.{uid.hex()[:8]}"


def note_summary(tx: Tx, id: int, start: int, end: int) -> None:
    """Have a summary of this machine published, and record the messages that it begins and ends with."""
    first, last = (kinds.identity_of(tx, MESSAGE, message) for message in (start, end))
    run = tx.run("SELECT run FROM sync_order WHERE id = :end", end=end).fetchone()
    number = tx.run(
        """
        SELECT coalesce(max(number), 0) + 1 FROM sync_summaries
        WHERE id IN (SELECT id FROM summaries WHERE session_id = (SELECT session_id FROM summaries WHERE id = :id))
        """,
        id=id,
    ).fetchone()
    tx.run(
        """
        INSERT INTO sync_summaries (id, number, run, machine, oid, start_machine, start_oid)
        VALUES (:id, :number, :run, :machine, :oid, :start_machine, :start_oid)
        """,
        id=id,
        number=number[0],
        run=run[0] if run else 0,
        machine=account.machine_uid(tx, last.machine),
        oid=last.oid,
        start_machine=account.machine_uid(tx, first.machine),
        start_oid=first.oid,
    )
    dirty.mark(tx, "summary", id)


def _lost_text(before: fields.Stamps, after: fields.Stamps) -> bool:
    return any(before[name].hash != after[name].hash for name in fields.TEXTS if name in before)


def note_deleted(tx: Tx, session_id: str, *, expired: bool) -> None:
    """Record that the session was deleted, by a person or, `expired`, for its age."""
    uid = find_uid(tx, session_id)
    if uid is None:
        return
    if expired:
        add_tombstones(tx, uid, rows_of(tx, session_id, None))
    tx.run("DELETE FROM sync_removed WHERE session_id = :id", id=session_id)
    leave(tx, uid, account.tick(tx) if expired else DELETED)


def leave(tx: Tx, uid: bytes, state: int, *, publish: bool = True) -> None:
    """Record that the session is no longer here, and have everything of it deleted at the hub."""
    tx.run(
        "UPDATE sync_sessions SET id = NULL, state = max(state, :state), fields = NULL, tokens = NULL WHERE uid = :uid",
        uid=uid,
        state=state,
    )
    if state == DELETED:
        tx.run("DELETE FROM sync_held WHERE session = :uid", uid=uid)
    contents.erase_thing(tx, uid)
    if publish:
        dirty.mark(tx, "session", uid)


def rows_of(tx: Tx, session_id: str, before_id: int | None) -> list[Row]:
    """Return the messages of the session with a smaller id, also those whose rows are gone."""
    rows = tx.run(
        """
        SELECT m.id, i.machine, i.oid
        FROM messages AS m LEFT JOIN sync_imported AS i ON i.kind = 0 AND i.id = m.id
        WHERE m.session_id = :session_id AND (:before_id IS NULL OR m.id < :before_id)
        UNION ALL
        SELECT id, machine, oid FROM sync_removed
        WHERE session_id = :session_id AND (:before_id IS NULL OR id < :before_id)
        """,
        session_id=session_id,
        before_id=before_id,
    )
    return [tuple(row) for row in rows]


def add_tombstones(tx: Tx, uid: bytes, rows: list[Row]) -> None:
    """Record that messages of the session are deleted, have that published, and have them deleted at the hub."""
    for id, machine, oid in rows:
        own = machine is None or oid is None
        identity = Identity(kinds.epoch_of(tx, MESSAGE, id), id) if own else Identity(machine or 0, oid or 0)
        if kinds.add_tombstone(tx, MESSAGE, identity):
            dirty.mark(tx, "dead", f"{MESSAGE} {identity.machine} {identity.oid}")
            contents.erase_message(tx, uid, identity)


def settle(tx: Tx, uid: bytes) -> bool:
    """Delete the session if it is expired and has no messages any more; return True if it was deleted."""
    row = tx.run("SELECT id, state FROM sync_sessions WHERE uid = :uid", uid=uid).fetchone()
    if row is None or row[0] is None or row[1] == ALIVE or messages.newest_id(tx, row[0]):
        return False
    sessions.delete(tx, row[0], for_good=False)
    tx.run("DELETE FROM sync_removed WHERE session_id = :id", id=row[0])
    leave(tx, uid, row[1], publish=False)
    return True
