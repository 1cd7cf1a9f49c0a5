"""Changes of sessions and messages as requests, each with the command line that sends the same request.

The commands and the browser both send what is built here.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from segue.models import Message, Session
from segue.workflows.turns import Turn


class Change(NamedTuple):
    """A request, and the command line after `segue`."""

    method: str
    params: dict[str, Any]
    words: list[str]


def pin(session_id: str, *, pinned: bool) -> Change:
    """Exempt a session from cleanup, or not."""
    return _update(session_id, ["pin" if pinned else "unpin", session_id], pinned=pinned)


def archive(session_id: str, *, archived: bool) -> Change:
    """Hide a session from lists, or show it again."""
    return _update(session_id, ["archive" if archived else "unarchive", session_id], archived=archived)


def tag(session: Session, names: Collection[str]) -> Change:
    """Set the tags of a session, unless another client changed the session meanwhile."""
    added, removed = {*names} - {*session.tags}, {*session.tags} - {*names}
    words = ["tag", *sorted(added)] if added or not removed else ["untag", *sorted(removed)]
    words += ["--session", session.id]
    return _update(session.id, words, tags=sorted(names), expected_updated_at=session.updated_at)


def rename(session_id: str, name: str) -> Change:
    """Name a session. An automatic name never replaces it."""
    return _update(session_id, ["rename", session_id, name], name=name)


def delete_session(session_id: str) -> Change:
    """Delete a session with its messages."""
    return Change("session.delete", {"session_id": session_id}, ["delete", session_id])


def delete_message(message: Message) -> Change:
    """Delete one message."""
    params = {"session_id": message.session_id, "message_ids": [message.id]}
    return Change("message.delete", params, ["delete", f"#{message.id}"])


def edit(message_id: int, text: str) -> Change:
    """Change the text of a message."""
    return Change("message.update", {"message_id": message_id, "content": text}, ["edit", str(message_id), text])


def undo(session_id: str, turn: Turn) -> Change:
    """Remove a turn. If it is the end of the session, a message that another client appended meanwhile prevents it."""
    ids = [message.id for message in turn.messages]
    if turn.is_whole_end:
        params = {"session_id": session_id, "last": len(ids), "expected_last_id": ids[-1]}
        return Change("message.replace", params, ["undo", session_id])
    return Change("message.delete", {"session_id": session_id, "message_ids": ids}, ["undo", session_id])


def resume(session_id: str, place: Mapping[str, str] | None, terminal: str | None = None) -> Change:
    """Continue a session in a directory and its project, or in its own; `terminal` is the one that keeps it."""
    params: dict[str, Any] = {"session_id": session_id}
    if place is not None:
        params |= {"working_dir": place["working_dir"], "project": place.get("project")}
    if terminal is not None:
        params["terminal"] = terminal
    return Change("session.resume", params, ["resume", *(["--in-place"] if place is None else []), session_id])


def fork(session_id: str, upto: int | None = None, name: str | None = None) -> Change:
    """Copy a session up to a message into a new one."""
    options = {"upto_message_id": upto, "name": name}
    params = {"session_id": session_id} | {key: value for key, value in options.items() if value is not None}
    words = [word for option, value in (("--upto", upto), ("--name", name)) if value is not None
             for word in (option, str(value))]  # fmt: skip
    return Change("session.fork", params, ["fork", session_id, *words])


def remember(fact: str, session: Session, message_id: int | None = None) -> Change:
    """Store a memory of the session's bot, marked as added by hand."""
    source = {} if message_id is None else {"source_message_id": message_id}
    params = {"fact": fact, "category": "fact", "importance": 3, "bot_id": session.bot_id, "session_id": session.id}
    words = ["memory", "add", "--bot", session.bot_id, "--session", session.id]
    words += [] if message_id is None else ["--message", str(message_id)]
    return Change("memory.save", {**params, **source, "is_manual": True}, [*words, "--", fact])


def _update(session_id: str, words: list[str], **changes: Any) -> Change:
    return Change("session.update", {"session_id": session_id, **changes}, words)
