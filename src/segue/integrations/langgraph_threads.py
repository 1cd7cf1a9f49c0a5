"""Threads of LangGraph as sessions of the daemon, for `SegueSaver`.

A checkpoint is a message with the key PLACE/c, and a write that belongs to it one with PLACE/w/TASK/INDEX, where PLACE
is made of the checkpoint's namespace and ID. So one look-up by prefix returns a checkpoint with its writes, however
many the thread has. What a list needs is in the metadata of the messages, and the serialized values are in their parts.
So a list is made without reading a value.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from segue.api import message, session
from segue.errors import NotFound
from segue.integrations.daemon import Daemon, digest, store_session
from segue.models import Draft, Message

DIGEST_CHARS = 24

CHECKPOINT, WRITE = "assistant", "tool"
"""The roles of the messages, by which the daemon finds checkpoints among writes."""

NEWEST = 20
"""Checkpoints: the highest ID is searched among this number of the latest, because clocks of processes differ."""

DELETED = 1000
"""Messages: the most that one request deletes."""

Head = dict[str, Any]
"""The metadata of a checkpoint's message: `ns`, `id`, `parent`, and the checkpoint's own `metadata`."""


class Threads:
    """The threads of a namespace."""

    def __init__(self, namespace: str, socket: str | Path | None) -> None:
        self._namespace = namespace
        self._daemon = Daemon(socket)
        self._prefix = f"langgraph-{digest(namespace)[:DIGEST_CHARS]}-"

    def ids(self) -> Iterator[str]:
        """Yield the IDs of all threads."""
        rows = self._daemon.sessions(id_prefix=self._prefix, preview_chars=0, with_metadata=True)
        return (row.metadata["thread_id"] for row in rows if isinstance(row.metadata, dict))

    def messages(self, thread_id: str, limit: int | None = None, **filters: Any) -> list[Message]:
        """Return the messages that pass the filters of `message.list`; none if there is no such thread."""
        try:
            return self._daemon.messages(limit, session_id=self._session(thread_id), **filters)
        except NotFound:
            return []

    def heads(self, thread_id: str, limit: int | None = None) -> list[Head]:
        """Return the heads of the checkpoints that arrived last."""
        found = self.messages(thread_id, limit, roles=[CHECKPOINT], text_chars=0, order="desc")
        return [one.metadata for one in found]

    def newest(self, thread_id: str, ns: str) -> str | None:
        """Return the highest ID of a namespace's checkpoints. Those that arrived last are looked at first."""
        for limit in (NEWEST, None):
            ids: list[str] = [head["id"] for head in self.heads(thread_id, limit) if head["ns"] == ns]
            if ids:
                return max(ids)
        return None

    def append(self, thread_id: str, drafts: list[Draft], *, replace: bool) -> None:
        """Store messages; those whose keys are known are replaced, or stay as they are."""
        create = store_session("langgraph", thread_id, namespace=self._namespace, thread_id=thread_id)
        self._daemon.append(self._session(thread_id), drafts, create, on_key="replace" if replace else "keep")

    def delete(self, thread_id: str) -> None:
        """Delete a thread."""
        self._daemon.repeat(session.delete, session_id=self._session(thread_id))

    def delete_checkpoints(self, thread_id: str, heads: list[Head]) -> None:
        """Delete checkpoints with their writes."""
        gone = {(head["ns"], head["id"]) for head in heads}
        found = self.messages(thread_id, text_chars=0) if gone else []
        ids = [one.id for one in found if (one.metadata["ns"], one.metadata["id"]) in gone]
        for start in range(0, len(ids), DELETED):
            some = ids[start : start + DELETED]
            self._daemon.repeat(message.delete, session_id=self._session(thread_id), message_ids=some)

    def _session(self, thread_id: str) -> str:
        return f"{self._prefix}{digest(thread_id)[:DIGEST_CHARS]}"


def place(ns: str, checkpoint_id: str) -> str:
    """Return the beginning of the keys of a checkpoint and its writes."""
    return f"{digest(ns)[:DIGEST_CHARS]}/{digest(checkpoint_id)[:DIGEST_CHARS]}/"


def checkpoint_draft(value: tuple[str, bytes], head: Head) -> Draft:
    """Return a serialized checkpoint as a message."""
    return _draft(CHECKPOINT, f"{place(head['ns'], head['id'])}c", value, head)


def write_draft(
    value: tuple[str, bytes], ns: str, checkpoint_id: str, channel: str, order: tuple[str, str, int]
) -> Draft:
    """Return a serialized write as a message. `order` is the path and the ID of its task, and its index there."""
    key = f"{place(ns, checkpoint_id)}w/{digest(order[1])[:DIGEST_CHARS]}/{order[2]}"
    about = {"ns": ns, "id": checkpoint_id, "channel": channel, "order": [*order]}
    return _draft(WRITE, key, value, about)


def copied(one: Message) -> Draft:
    """Return a message of one thread for another one."""
    return Draft(role=one.role, content=one.content, parts=one.parts, metadata=one.metadata, key=one.key, indexed=False)


def value_of(one: Message) -> tuple[str, bytes]:
    """Return the serialized value of a message."""
    [part] = one.parts or []
    return part["type"], b64decode(part["data"])


def with_writes(found: Iterable[Message]) -> Iterator[tuple[Message, list[Message]]]:
    """Yield the checkpoints among the messages, each with its writes in the order of their tasks."""
    checkpoints: list[Message] = []
    writes: dict[tuple[str, str], list[Message]] = {}
    for one in found:
        own = writes.setdefault((one.metadata["ns"], one.metadata["id"]), [])
        (checkpoints if one.role == CHECKPOINT else own).append(one)
    for one in checkpoints:
        own = writes[one.metadata["ns"], one.metadata["id"]]
        yield one, sorted(own, key=lambda write: write.metadata["order"])


def _draft(role: str, key: str, value: tuple[str, bytes], metadata: Head) -> Draft:
    kind, data = value
    parts = [{"type": kind, "data": b64encode(data).decode()}]
    name = "checkpoint" if role == CHECKPOINT else metadata["channel"]
    return Draft(role=role, content=name, parts=parts, metadata=metadata, key=key, indexed=False)  # type: ignore[arg-type]
