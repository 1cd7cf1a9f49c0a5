"""The conversation for a model, with the question: a new one, the last one again, or one that is not stored."""

import os
from contextlib import suppress
from typing import Any, NamedTuple

from segue.cli.ask.delivery import call_with_retry
from segue.cli.ask.prompt_format import Turn, turns_upto
from segue.cli.ask.session_choice import (
    Choice,
    find_asked,
    find_existing,
    find_place,
    report_new_session,
    resume_newest,
)
from segue.cli.daemon_client import DaemonClient
from segue.cli.session_lookup import current_place, find_last_turn, find_session
from segue.client import ClientError
from segue.errors import SegueError
from segue.models import MAX_INTEGER, Session
from segue.results import Appended, ConversationContext, Deleted
from segue.runtime.place import terminal_mark
from segue.workflows.turns import TERMINAL


class StoredQuestion(NamedTuple):
    """A stored question and its session."""

    session: Session
    message_id: int
    key: str
    replaced: tuple[int, ...] = ()
    """The messages that a complete reply replaces."""
    repeated: Turn | None = None
    """The question if it is asked again, because a context leaves it out where later messages take all tokens."""


class Asked(NamedTuple):
    """The conversation for the model, and the question if it is stored."""

    turns: list[Turn]
    question: StoredQuestion | None


def ask_stored(daemon: DaemonClient, question: StoredQuestion, max_tokens: int | None) -> Asked:
    """Return the conversation up to a stored question."""
    turns = _turns(daemon, question.session, question.message_id, max_tokens)
    if question.repeated is not None and question.repeated not in turns[-1:]:
        turns.append(question.repeated)
    return Asked(turns, question)


def ask_unstored(daemon: DaemonClient, choice: Choice, text: str, max_tokens: int | None) -> Asked:
    """Return the conversation of the session that the user chose, followed by a question that is not stored."""
    session = None if choice.new else find_existing(daemon, choice)
    turns = [] if session is None else _turns(daemon, session, MAX_INTEGER, max_tokens)
    return Asked([*turns, Turn("user", text)], None)


def repeat_question(daemon: DaemonClient, choice: Choice) -> StoredQuestion:
    """Return the last question of the session that the user chose, to be answered again."""
    session = find_asked(daemon, choice)
    last = find_last_turn(daemon, session.id, "repeat")
    repeated = Turn("user", last.question.content)
    return StoredQuestion(session, last.question.id, _new_key(), last.reply_ids, repeated)


def store_question(daemon: DaemonClient, choice: Choice, text: str) -> StoredQuestion:
    """Append a question to the session that the user chose, and report a new session."""
    key = _new_key()
    found = None if choice.given is not None or choice.newest else find_place(daemon, choice.bot_id)
    if choice.given is not None:
        target: dict[str, Any] = {"session_id": find_session(daemon, choice.given).id}
    elif choice.newest:
        target = {"session_id": resume_newest(daemon, choice.bot_id).id}
    else:
        target = {**current_place(daemon), "bot_id": choice.bot_id}
    if choice.new:
        target.pop("scope", None)
        target = {"session_id": daemon.call("session.create", Session, **target).id}
    mark = terminal_mark()
    question: dict[str, Any] = {
        "role": "user",
        "content": text,
        "key": key,
        "metadata": {TERMINAL: mark} if mark else None,
    }
    daemon.client  # noqa: B018 - Connect now, because only a daemon that was there once is worth the wait
    try:
        added = call_with_retry(daemon, "message.append", Appended, **question, **target)
    except (ClientError, SegueError):
        if choice.new:
            _delete_empty(daemon, target)
        raise
    session = call_with_retry(daemon, "session.get", Session, session_id=added.session_id)
    if found is not None and (choice.new or found.session is None):
        report_new_session(found, session, requested=choice.new)
    return StoredQuestion(session, added.message_id, key)


def _turns(daemon: DaemonClient, session: Session, message_id: int, max_tokens: int | None) -> list[Turn]:
    context = call_with_retry(
        daemon, "context.build", ConversationContext, session_id=session.id, max_tokens=max_tokens
    )
    return turns_upto(context, message_id)


def _new_key() -> str:
    return f"ask-{os.urandom(16).hex()}"


def _delete_empty(daemon: DaemonClient, target: dict[str, Any]) -> None:
    """Delete the session that was created for a question that could not be stored."""
    with suppress(ClientError, SegueError):
        daemon.reconnect()
        if daemon.call("session.get", Session, **target).message_count == 0:
            daemon.call("session.delete", Deleted, **target)
