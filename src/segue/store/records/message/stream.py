"""Messages whose content arrives in pieces while their state is `streaming`.

1. `begin` stores the message with its first content, which is often empty.
2. `add_pieces` stores what arrived since the last call, for all streams in one transaction. The row of the message is
   not rewritten, because that would cost as much as the message is long.
3. `finish` joins the pieces, and the search index gets the text. `interrupt` does the same without its client.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from segue.errors import Conflict, InvalidData, NotFound
from segue.models import MAX_INTEGER, Message, State
from segue.results import Appended
from segue.store.engine.tx import Tx
from segue.store.records import append, messages, sessions
from segue.store.records.append import Options
from segue.store.records.message import edit
from segue.store.records.message.idempotency import PreparedMessage
from segue.store.records.message.row import CONTENT
from segue.store.records.resolve import Place
from segue.store.records.session_identity import name_from
from segue.timestamps import milliseconds


class Begun(NamedTuple):
    """A message that was begun, or found by its key, with what a stream of it needs."""

    appended: Appended
    state: State
    working_dir: str | None
    bot_id: str
    chars: int
    """Characters of its content."""
    size: int
    """Bytes of its content, parts and metadata."""


class Piece(NamedTuple):
    """A text at the end of a message."""

    message_id: int
    text: str


def begin(tx: Tx, session_id: str, new: PreparedMessage, options: Options) -> Begun:
    """Store a message that was prepared with the state `streaming`.

    A key in use begins that message again if it did not end, so that a retry continues what the first call began.

    Raises:
        NotFound: there is no such session.
        Conflict: the key was used for another message (`key`), or the newest message is not the expected one
            (`last_id`).
    """
    return _begun(tx, append.append(tx, session_id, new, options))


def begin_in_place(tx: Tx, place: Place, continuity_ms: int, new: PreparedMessage, options: Options) -> Begun:
    """Do the same in the session that the place continues."""
    return _begun(tx, append.append_to_place(tx, place, continuity_ms, new, options))


def _begun(tx: Tx, appended: Appended) -> Begun:
    message = messages.get(tx, appended.message_id)
    if message.state == "interrupted":
        message = edit.update(tx, message.id, {"state": "streaming"})
    scope = sessions.scope(tx, appended.session_id)
    size = edit.size(tx, message.id)
    return Begun(appended, message.state, scope.working_dir, scope.bot_id, len(message.content), size)


def add_pieces(tx: Tx, pieces: Iterable[Piece]) -> None:
    """Add texts to their messages; those that are no longer being streamed are left out."""
    tx.connection.executemany(
        """
        INSERT INTO message_pieces (message_id, text)
        SELECT :message_id, :text WHERE EXISTS (SELECT 1 FROM messages WHERE id = :message_id AND state = 'streaming')
        """,
        [piece._asdict() for piece in pieces],
    )


def finish(
    tx: Tx,
    message_id: int,
    rest: str,
    changes: dict[str, Any],
    content_bytes: int = MAX_INTEGER,
    state: State = "complete",
) -> Message:
    """End the message with the columns that `changes` names; without a content, it is what was streamed and `rest`.

    Raises:
        NotFound: the message was deleted.
        Conflict: the message is not being streamed (`state`).
        TooLarge: content, parts and metadata together are larger than `content_bytes`.
    """
    message = messages.get(tx, message_id)
    if message.state != "streaming":
        raise not_streaming(message_id, message.state)
    changes = {"content": message.content + rest, **changes, "state": state}
    finished = edit.update(tx, message_id, changes, content_bytes)
    _name_session(tx, finished)
    return finished


def interrupt(tx: Tx, rests: list[Piece]) -> None:
    """End messages whose client is gone; those that are no longer being streamed are left out."""
    for message_id, rest in rests:
        with suppress(NotFound, Conflict):
            finish(tx, message_id, rest, {}, state="interrupted")


def interrupt_all(tx: Tx) -> None:
    """End the messages that a killed daemon left; a row that cannot be decoded keeps what is readable."""
    found = tx.run(f"SELECT id FROM messages WHERE state = 'streaming' AND {messages.OF_ALL}").fetchall()
    for (message_id,) in found:
        try:
            interrupt(tx, [Piece(message_id, "")])
        except InvalidData:
            sql = f"UPDATE messages SET content = {CONTENT}, state = 'interrupted' WHERE id = :id"
            tx.run(sql, id=message_id)
            tx.run("DELETE FROM message_pieces WHERE message_id = :id", id=message_id)


def require_streaming(tx: Tx, message_id: int) -> None:
    """Raise NotFound or Conflict unless the message is being streamed."""
    message = messages.get(tx, message_id)
    if message.state != "streaming":
        raise not_streaming(message_id, message.state)


def not_streaming(message_id: int, state: State) -> Conflict:
    """Return the error for a message that takes no text."""
    return Conflict(f"message {message_id} is {state}, not streaming", reason="state", state=state)


def _name_session(tx: Tx, message: Message) -> None:
    """Name an unnamed session after a user message that had no text when it began."""
    if message.role != "user" or message.metadata.get("injected") is True:
        return
    name = name_from(message.content, milliseconds(message.created_at))
    sql = "UPDATE sessions SET name = :name WHERE id = :id AND name IS NULL"
    if name is not None and tx.run(sql, id=message.session_id, name=name).rowcount:
        sessions.emit_if_valid(tx, "session.updated", message.session_id)
