"""Begin, accept and repeat: the steps that change how much is to be published."""

from segue.store.engine.tx import Tx
from segue.store.records import memories
from segue.store.sync import account, dirty, edges, fields, journal, kinds, own_sessions, states
from segue.store.sync.kinds import MEMORY, MESSAGE


def begin(tx: Tx, url: str, name: str, fingerprint: str) -> None:
    """Turn sync on, and have everything published that this database holds."""
    account.begin(tx, url, name, fingerprint)
    dirty.mark(tx, "marker", 0)  # Another machine can join only if this one has written something.
    tx.run(
        """
        INSERT INTO sync_sessions (uid, id, wire_id, bot_id, created_at)
        SELECT randomblob(16), id, id, bot_id, created_at FROM sessions
        WHERE source_tool IS NULL AND coalesce(
            CASE WHEN json_valid(metadata) THEN json_extract(metadata, '$."segue.kind"') END, ''
        ) <> 'store'
        """
    )
    tx.run(
        """
        UPDATE sync_sessions SET parent = (
            SELECT p.uid FROM sessions AS s JOIN sync_sessions AS p ON p.id = s.parent_id
            WHERE s.id = sync_sessions.id
        )
        """
    )
    tx.run("INSERT INTO sync_dirty (kind, ref) SELECT 'session', uid FROM sync_sessions")
    machine = account.get(tx).machine
    tx.run(
        "INSERT INTO sync_bots (id, alive, stamp, machine) SELECT id, 1, 0, :n FROM bots WHERE id <> 'default'",
        n=machine,
    )
    tx.run("INSERT INTO sync_dirty (kind, ref) SELECT 'bot', id FROM sync_bots")
    sql = "SELECT u.id, messages_start, messages_end FROM summaries AS u JOIN sync_sessions AS s ON s.id = u.session_id"
    for row in tx.run(sql).fetchall():
        own_sessions.note_summary(tx, *row)
    _begin_memories(tx)


def _begin_memories(tx: Tx) -> None:
    for (id,) in tx.run("SELECT id FROM memories ORDER BY id").fetchall():
        memory = memories.get(tx, id)
        journal.add_memory(tx, memory)
        dirty.mark(tx, "memory", id)
        if memory.superseded_by is not None:
            new = kinds.identity_of(tx, MEMORY, memory.superseded_by)
            edges.add(tx, kinds.identity_of(tx, MEMORY, id), new)
            dirty.mark(tx, "edges", f"{new.machine} {new.oid}")


def accept(tx: Tx, number: int) -> None:
    """Record that the hub has the sealed batch."""
    sql = "SELECT stamp, message, memory, summary, dirty FROM sync_outbox WHERE number = :n"
    row = tx.run(sql, n=number).fetchone()
    if row is None:
        return
    stamp, message, memory, summary, numbers = row
    published = tx.run(
        """
        SELECT ref FROM sync_dirty
        WHERE kind IN ('session', 'whole session') AND number IN (SELECT value FROM json_each(:numbers))
        """,
        numbers=numbers,
    ).fetchall()
    for (uid,) in published:
        tx.run("UPDATE sync_sessions SET published = :stamp WHERE uid = :uid", stamp=stamp, uid=uid)
    dirty.settle(tx, numbers)
    tx.run("DELETE FROM sync_outbox WHERE number = :n", n=number)
    own = account.get(tx)
    account.change(
        tx,
        accepted=number,
        accepted_message=max(own.accepted_message, message),
        accepted_memory=max(own.accepted_memory, memory),
        accepted_summary=max(own.accepted_summary, summary),
    )


def take_back(tx: Tx, number: int) -> None:
    """Take a sealed batch out of the outbox that no hub has, so that its content is sealed again."""
    own = account.get(tx)
    tx.run("DELETE FROM sync_outbox WHERE number = :n", n=number)
    tx.run("DELETE FROM sync_contents WHERE machine = :n AND number >= :number", n=own.machine, number=number)
    account.change(tx, sealed=own.accepted, sealed_message=own.accepted_message)


def republish(tx: Tx) -> None:
    """Have everything published again that is known here, of all machines and of what is deleted too."""
    account.change(tx, sealed_message=0, republish_message=account.newest_id(tx, MESSAGE))
    tx.run("INSERT OR REPLACE INTO sync_dirty (kind, ref) SELECT 'whole session', uid FROM sync_sessions")
    tx.run("INSERT OR REPLACE INTO sync_dirty (kind, ref) SELECT 'memory', id FROM memories")
    tx.run("INSERT OR REPLACE INTO sync_dirty (kind, ref) SELECT 'summary', id FROM summaries")
    tx.run("INSERT OR REPLACE INTO sync_dirty (kind, ref) SELECT 'bot', id FROM sync_bots")
    tx.run(
        "INSERT OR REPLACE INTO sync_dirty (kind, ref) SELECT 'dead', kind || ' ' || machine || ' ' || oid"
        " FROM sync_dead"
    )
    tx.run(
        "INSERT OR REPLACE INTO sync_dirty (kind, ref)"
        " SELECT DISTINCT 'edges', new_machine || ' ' || new_oid FROM sync_edges"
    )


def renew(tx: Tx, fingerprint: str, *, alone: bool = False, late: bool = False) -> None:
    """Give this database a new identity, and count the tokens so far as the old machine's."""
    old = account.machine_uid(tx, account.get(tx).machine)
    for uid, id, column in tx.run("SELECT uid, id, tokens FROM sync_sessions WHERE id IS NOT NULL").fetchall():
        counted = tx.run("SELECT input_tokens, output_tokens FROM sessions WHERE id = :id", id=id).fetchone()
        others = fields.decode_tokens(column)
        tokens = states.share_of(counted, others, old)
        tx.run("UPDATE sync_sessions SET tokens = :t WHERE uid = :uid", t=fields.encode_tokens(tokens), uid=uid)
    account.renew(tx, fingerprint, alone=alone, late=late)
