"""Replace the end of a session: remove its newest messages and append others, in one transaction."""

import msgspec

from segue.models import Message
from segue.results import MessagesReplaced
from segue.store.engine.tx import Tx
from segue.store.records import append, messages, sessions
from segue.store.records.append import Options
from segue.store.records.message import edit
from segue.store.records.message.idempotency import PreparedMessage


def replace(
    tx: Tx,
    session_id: str,
    prepared: list[PreparedMessage],
    options: Options,
    *,
    from_id: int | None,
    last: int | None,
    key: str | None,
    return_removed: bool,
) -> MessagesReplaced:
    """Remove the messages from `from_id` on, or the newest `last` ones, and append the given ones.

    A repeated key returns the first result and changes nothing. The removed messages are not part of it, because
    their text is deleted.

    Raises:
        NotFound: there is no such session.
        Conflict: the newest message is not the expected one (`last_id`), or a key was used for another message (`key`).
    """
    sessions.ensure(tx, session_id, options.creation)
    sessions.require(tx, session_id)
    if key is not None and (first := _first_result(tx, session_id, key, return_removed)):
        return first
    if options.expected_last_id is not None:
        append.check_last_id(tx, session_id, options.expected_last_id)
    ids = messages.newest_ids(tx, session_id, from_id=from_id, last=last)
    removed = [message for message in messages.iterate_ids(tx, ids) if message is not None] if return_removed else []
    if ids and ids[0] == messages.first_id(tx, session_id):
        messages.delete_before(tx, session_id, ids[-1] + 1)
    else:
        edit.delete_ids(tx, session_id, ids)
    appended = append.append_many(tx, session_id, prepared) if prepared else None
    result = MessagesReplaced(
        removed=len(ids),
        message_ids=appended.message_ids if appended else [],
        last_id=messages.newest_id(tx, session_id),
    )
    if key is not None:
        tx.run(
            "INSERT INTO message_replacements (session_id, key, result) VALUES (:session_id, :key, :result)",
            session_id=session_id,
            key=key,
            result=msgspec.json.encode(result).decode(),
        )
    return _with_removed(result, removed, return_removed)


def _first_result(tx: Tx, session_id: str, key: str, return_removed: bool) -> MessagesReplaced | None:
    sql = "SELECT result FROM message_replacements WHERE session_id = :session_id AND key = :key"
    row = tx.run(sql, session_id=session_id, key=key).fetchone()
    if row is None:
        return None
    return _with_removed(msgspec.json.decode(row[0], type=MessagesReplaced), [], return_removed)


def _with_removed(result: MessagesReplaced, removed: list[Message], return_removed: bool) -> MessagesReplaced:
    return msgspec.structs.replace(result, removed_messages=removed) if return_removed else result
