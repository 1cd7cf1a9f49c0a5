"""The positions of both directions: the queries of a round."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from segue.status_results import SyncMachine, SyncStatus
from segue.store.engine.tx import Tx
from segue.store.sync import account, contents, lifecycle
from segue.store.sync.merging.merge import count_deletions
from segue.store.sync.wire import Contents, Record
from segue.timestamps import milliseconds, timestamp

MANY_SESSIONS = 20
"""Sessions: other machines that delete more than this, and more than a fifth of all, wait for a person."""

WINDOW_MS = 86_400_000
"""Milliseconds in which deletions of other machines are counted together."""


_PASSWORD = re.compile(r"(://[^/@:]*):[^@/]*@")


class Machine(NamedTuple):
    """A machine of the account."""

    uid: bytes
    name: str | None
    pulled: int
    claimed: int
    at: int | None
    forgotten: bool
    is_own: bool
    is_former: bool
    """True for what this database was, and for a machine that was forgotten."""


class Outbox(NamedTuple):
    """The sealed batch that the hub has not accepted yet."""

    machine: str
    number: int
    token: bytes
    body: bytes


def machines(tx: Tx) -> list[Machine]:
    """Return all machines that wrote, and this one."""
    rows = tx.run(
        "SELECT uid, name, pulled, claimed, at, forgotten, n = (SELECT machine FROM sync_account), former"
        " FROM sync_machines ORDER BY n"
    )
    return [
        Machine(bytes(uid), name, pulled, claimed, at, bool(forgotten), bool(is_own), bool(former))
        for uid, name, pulled, claimed, at, forgotten, is_own, former in rows
    ]


def outbox(tx: Tx) -> Outbox | None:
    """Return the batch in the outbox."""
    row = tx.run("SELECT number, token, body FROM sync_outbox ORDER BY number LIMIT 1").fetchone()
    if row is None:
        return None
    return Outbox(account.machine_uid(tx, account.get(tx).machine).hex(), row[0], bytes(row[1]), bytes(row[2]))


def rewind(tx: Tx, heads: Mapping[bytes, int]) -> None:
    """Have everything published again, because the hub has less than was there."""
    for machine in machines(tx):
        if not machine.is_own:
            head = heads.get(machine.uid, 0)
            sql = "UPDATE sync_machines SET pulled = min(pulled, :head) WHERE uid = :uid"
            tx.run(sql, head=head, uid=machine.uid)
    contents.erase_all(tx, heads)
    lifecycle.republish(tx)


def guard(tx: Tx, records: list[Record], *, accept: bool) -> int:
    """Return how many sessions would be deleted if that is for a person to decide, else 0; count them then."""
    new = count_deletions(tx, records)
    if not new:
        return 0
    own = account.get(tx)
    is_fresh = tx.now - own.deletions_since <= WINDOW_MS
    before = own.deletions if is_fresh else 0
    total = int(tx.run("SELECT count(*) FROM sessions").fetchone()[0]) + before
    if before + new > MANY_SESSIONS and (before + new) * 5 > total and not accept:
        account.change(tx, deletions_waiting=new)
        return new
    account.change(
        tx,
        deletions=0 if accept else before + new,
        deletions_since=own.deletions_since if is_fresh else tx.now,
        deletions_waiting=0,
    )
    return 0


def signature(tx: Tx) -> tuple[str, int]:
    """Return the name of this machine, and the time."""
    return account.get(tx).name, tx.now


def fill_contents(tx: Tx) -> Contents:
    """Return the content of a batch that only fills a number."""
    own = account.get(tx)
    return Contents(at=tx.now, stamp=own.stamp, name=own.name, heads={}, records=[])


def count_unsent(tx: Tx) -> int:
    """Return the number of messages of this machine that the hub does not have."""
    row = tx.run(
        """
        SELECT count(*) FROM messages JOIN sync_sessions AS s ON s.id = messages.session_id
        WHERE messages.id > :sealed
          AND NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = 0 AND id = messages.id)
        """,
        sealed=account.get(tx).accepted_message,
    ).fetchone()
    return int(row[0])


def count_unsealed(tx: Tx) -> int:
    """Return the number of messages that are to be sealed, those of other machines too if they are sent again."""
    own = account.get(tx)
    row = tx.run(
        """
        SELECT count(*) FROM messages JOIN sync_sessions AS s ON s.id = messages.session_id
        WHERE messages.id > :sealed AND (
            messages.id <= :republish OR NOT EXISTS (SELECT 1 FROM sync_imported WHERE kind = 0 AND id = messages.id)
        )
        """,
        sealed=own.sealed_message,
        republish=own.republish_message,
    ).fetchone()
    return int(row[0])


def status(tx: Tx, *, error: str | None, problems: list[str], left: Collection[str]) -> SyncStatus:
    """Return the state of sync. LEFT are the machines that have not written under the new key."""
    own = account.get(tx)
    return SyncStatus(
        url=_PASSWORD.sub(r"\1:…@", own.url),
        name=own.name,
        synced_at=own.synced_at,
        unsent_messages=count_unsent(tx),
        unsent_changes=tx.run("SELECT count(*) FROM sync_dirty WHERE kind <> 'marker'").fetchone()[0],
        waiting_deletions=own.deletions_waiting,
        clock_error_ms=own.clock_error,
        error=error,
        problems=problems,
        machines=[
            SyncMachine(
                id=one.uid.hex(),
                name=one.name or one.uid.hex()[:8],
                here=one.is_own,
                batches=own.accepted if one.is_own else one.pulled,
                behind=0 if one.is_own else max(0, one.claimed - one.pulled),
                seen_at=None if one.at is None else timestamp(one.at),
                forgotten=one.forgotten,
                old_key=one.uid.hex() in left,
            )
            for one in machines(tx)
        ],
    )


def allows_cleanup(tx: Tx, fresh_ms: int, clock_error_ms: int) -> bool:
    """Return True if a round was done lately and this machine's clock agrees with the hub's or another machine's."""
    own = account.get(tx)
    if own.synced_at is None or own.clock_error is None:
        return False
    return 0 <= tx.now - milliseconds(own.synced_at) <= fresh_ms and own.clock_error < clock_error_ms


def finish_round(tx: Tx, hub_now: int | None, times: list[int]) -> None:
    """Record that a round is done, and how far this machine's clock is from the hub's.

    A hub without a clock leaves the times at which other machines sealed what this round pulled. Without any, what was
    known stays.
    """
    errors = [abs(tx.now - at) for at in (times if hub_now is None else [hub_now])]
    account.change(tx, synced_at=tx.at, clock_error=min(errors, default=account.get(tx).clock_error or 0))
