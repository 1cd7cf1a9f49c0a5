"""The names of the machines that sessions and messages come from, for results. This machine's have none."""

import json
from collections.abc import Sequence
from typing import Any

from segue.errors import NotFound
from segue.models import Message, Session, SessionSummary
from segue.results import MessagePage, SearchPage, SessionPage
from segue.store.engine.tx import Tx
from segue.store.records import messages, sessions
from segue.store.records.listing import page as session_list
from segue.store.records.listing.filter import Filter
from segue.store.records.message import page as message_page
from segue.store.search import search

ID_DIGITS = 8
"""Digits that are enough of an ID."""

_NAME = "coalesce(k.name, lower(substr(hex(k.uid), 1, 8)))"


def find(tx: Tx, name: str) -> list[int]:
    """Return the numbers of the machines with a name or an id; an empty list for this machine.

    Raises:
        NotFound: there is none.
    """
    rows = tx.run(
        f"""
        SELECT k.n, {_NAME}, lower(hex(k.uid)), k.n = a.machine FROM sync_machines AS k, sync_account AS a
        WHERE k.n = a.machine OR NOT k.former OR k.forgotten ORDER BY k.n <> a.machine, k.n
        """
    ).fetchall()
    found = {n: bool(is_own) for n, known, uid, is_own in rows if name == known or is_id(name, uid)}
    if not found:
        known = ", ".join(f"{one[1]} (here)" if one[3] else one[1] for one in rows)
        off = f"no machine {name!r}; sync is off, so there is only this machine"
        raise NotFound("machine", name, message=f"no machine {name!r}; there are: {known}" if rows else off)
    return [] if any(found.values()) else [*found]


def is_id(text: str, uid: str) -> bool:
    """Return True if the text is the ID of a machine, or enough digits of it."""
    return len(text) >= ID_DIGITS and uid.startswith(text)


def name_messages(tx: Tx, found: Sequence[Message]) -> None:
    """Set `machine` of the messages that came from another machine."""
    names = _names_of_messages(tx, [message.id for message in found])
    for message in found:
        if message.id in names:
            message.machine = names[message.id]


def _names_of_messages(tx: Tx, ids: list[int]) -> dict[int, str]:
    rows = tx.run(
        f"""
        SELECT i.id, {_NAME} FROM sync_imported AS i JOIN sync_machines AS k ON k.n = i.machine
        WHERE i.kind = 0 AND NOT k.former AND k.n <> (SELECT machine FROM sync_account)
          AND i.id IN (SELECT value FROM json_each(:ids))
        """,
        ids=json.dumps(ids),
    )
    return dict(rows.fetchall())


def name_sessions(tx: Tx, found: Sequence[SessionSummary | Session]) -> None:
    """Set `machine` of the sessions that another machine used last."""
    rows = tx.run(
        f"""
        SELECT e.session_id, {_NAME} FROM sync_elsewhere AS e JOIN sync_machines AS k ON k.n = e.machine
        WHERE e.session_id IN (SELECT value FROM json_each(:ids))
          AND NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.session_id = e.session_id AND m.id > e.upto)
        """,
        ids=json.dumps([session.id for session in found]),
    )
    names = dict(rows.fetchall())
    for session in found:
        if session.id in names:
            session.machine = names[session.id]


def get_session(tx: Tx, session_id: str) -> Session:
    """Return the session with its machine.

    Raises:
        NotFound: there is no such session.
        InvalidData: the row cannot be decoded.
    """
    session = sessions.get(tx, session_id)
    name_sessions(tx, [session])
    return session


def get_message(tx: Tx, message_id: int) -> Message:
    """Return the message with its machine.

    Raises:
        NotFound: there is no such message.
        InvalidData: the row cannot be decoded.
    """
    message = messages.get(tx, message_id)
    name_messages(tx, [message])
    return message


def list_sessions(tx: Tx, filter: Filter, window: session_list.Window, machine: str | None = None) -> SessionPage:
    """Return a page of sessions with their machines, or of those that one machine used last.

    Raises:
        InvalidParams: the cursor is not one of this order.
        NotFound: there is no such machine.
    """
    if machine is not None:
        filter = filter._replace(used_on=find(tx, machine))
    page = session_list.list_page(tx, filter, window)
    name_sessions(tx, page.sessions)
    return page


def list_messages(tx: Tx, *args: Any, **kwargs: Any) -> MessagePage:
    """Return a page of messages with their machines; see `message_page.list_page`."""
    page = message_page.list_page(tx, *args, **kwargs)
    name_messages(tx, page.messages)
    return page


def search_messages(tx: Tx, *args: Any, **kwargs: Any) -> SearchPage:
    """Return found messages and sessions with their machines; see `search.search`."""
    page = search.search(tx, *args, **kwargs)
    names = _names_of_messages(tx, [hit.message_id for hit in page.hits])
    for hit in page.hits:
        if hit.message_id in names:
            hit.machine = names[hit.message_id]
    name_sessions(tx, page.sessions)
    return page
