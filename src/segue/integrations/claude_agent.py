"""Keep the transcripts of the Claude Agent SDK in segue: `SegueSessionStore`.

Each transcript, of a session or of a subagent, is a session of the daemon, and each entry a message. The IDs
are made so that one request with a prefix finds all sessions of a project, or all transcripts of a session:

    claude-agent-PROJECT                       the summaries of the project, one message for each session
    claude-agent-PROJECT-SESSION               the transcript of a session
    claude-agent-PROJECT-SESSION-SUBPATH       the transcript of a subagent

A summary is made when it is read, and stored until the transcript changes. So an append is one request, and processes
that append at the same time cannot lose each other's part of a summary.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from segue.api import message, session
from segue.errors import NotFound
from segue.integrations.daemon import Daemon, digest, framework, in_thread, store_session, text_of_content
from segue.models import Draft, NewSession, SessionSummary
from segue.timestamps import milliseconds

with framework("claude_agent_sdk", "claude-agent"):
    from claude_agent_sdk import (
        SessionKey,
        SessionListSubkeysKey,
        SessionStore,
        SessionStoreEntry,
        SessionStoreListEntry,
        SessionSummaryEntry,
        fold_session_summary,
    )

DIGEST_CHARS = 24
"""Characters: how much of a digest an ID has, so that three fit into the 128 characters of an ID."""

STEADY_MS = 1000
"""Milliseconds: a summary is stored once its transcript is as old, because two changes may have the same time."""

ROLES = ("user", "assistant")


class SegueSessionStore(SessionStore):
    """A session store: `ClaudeAgentOptions(session_store=SegueSessionStore())`.

    Transcripts are kept until the SDK deletes them, are hidden from lists, and are not searched. An entry that is sent
    again with the same `uuid` replaces the first one in place.
    """

    def __init__(self, namespace: str = "default", *, socket: str | Path | None = None) -> None:
        """Connect to nothing yet."""
        self.namespace = namespace
        self._daemon = Daemon(socket)

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        """Append entries. They are on disk when this returns."""
        drafts = [_draft(entry) for entry in entries]
        if drafts:
            await in_thread(self._daemon.append, self._id(key), drafts, self._new(key), on_key="replace")

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        """Return the entries of a transcript in the order of arrival; None if there is none."""
        return await in_thread(self._load, self._id(key))

    async def list_sessions(self, project_key: str) -> list[SessionStoreListEntry]:
        """Return the sessions of a project, without subagents."""
        found = await in_thread(self._sessions, project_key)
        return [{"session_id": session_id, "mtime": _mtime(row)} for session_id, row in found.items()]

    async def list_session_summaries(self, project_key: str) -> list[SessionSummaryEntry]:
        """Return the summaries of a project's sessions."""
        return await in_thread(self._summaries, project_key)

    async def delete(self, key: SessionKey) -> None:
        """Delete the transcript of a subagent, or a session with its subagents and its summary."""
        await in_thread(self._delete, key)

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        """Return the subpaths of a session's subagents."""
        found = await in_thread(lambda: [*self._rows(f"{self._id(key)}-")])
        return [row.metadata["subpath"] for row in found if isinstance(row.metadata, dict)]

    def _project(self, project_key: str) -> str:
        return f"claude-agent-{digest(self.namespace, project_key)[:DIGEST_CHARS]}"

    def _id(self, key: SessionKey) -> str:
        names = [key["session_id"], *filter(None, [key.get("subpath")])]
        return "-".join([self._project(key["project_key"]), *(digest(name)[:DIGEST_CHARS] for name in names)])

    def _new(self, key: SessionKey) -> NewSession:
        about = {name: value for name, value in key.items() if value}
        name = " ".join(filter(None, [key["session_id"], key.get("subpath")]))
        return store_session("claude-agent", name, namespace=self.namespace, **about)

    def _load(self, segue_id: str) -> list[Any] | None:
        try:
            found = self._daemon.messages(session_id=segue_id)
        except NotFound:
            return None
        return [one.parts[0] for one in found if one.parts] or None

    def _rows(self, id_prefix: str) -> Iterator[SessionSummary]:
        """Yield the sessions of the daemon whose IDs have the prefix."""
        return self._daemon.sessions(id_prefix=id_prefix, preview_chars=0, with_metadata=True)

    def _sessions(self, project_key: str) -> dict[str, SessionSummary]:
        """Return the sessions of a project by their IDs in the SDK."""
        rows = self._rows(f"{self._project(project_key)}-")
        listed = [(row.metadata, row) for row in rows if isinstance(row.metadata, dict) and row.message_count]
        return {about["session_id"]: row for about, row in listed if "subpath" not in about}

    def _summaries(self, project_key: str) -> list[SessionSummaryEntry]:
        """Return the stored summaries, and make and store those whose transcripts changed."""
        project = self._project(project_key)
        try:
            stored = {one.key: one.metadata for one in self._daemon.messages(session_id=project)}
        except NotFound:
            stored = {}
        found: list[SessionSummaryEntry] = []
        made: list[Draft] = []
        for session_id, row in self._sessions(project_key).items():
            version = {"updated_at": row.updated_at, "message_count": row.message_count}
            kept = stored.get(row.id, {})
            if kept.get("version") == version:
                data = kept["data"]
            else:
                key: SessionKey = {"project_key": project_key, "session_id": session_id}
                data = fold_session_summary(None, key, self._load(row.id) or [])["data"]
                if time.time() * 1000 > _mtime(row) + STEADY_MS:
                    made.append(_summary_draft(row.id, {"version": version, "data": data}))
            found.append({"session_id": session_id, "mtime": _mtime(row), "data": data})
        create = store_session("claude-agent", "summaries", namespace=self.namespace, project_key=project_key)
        self._daemon.append(project, made, create, on_key="replace")
        return found

    def _delete(self, key: SessionKey) -> None:
        """Delete transcripts, the session's own last, so that a delete that failed can be repeated."""
        segue_id = self._id(key)
        if not key.get("subpath"):
            with suppress(NotFound):
                self._daemon.repeat(message.delete, session_id=self._project(key["project_key"]), keys=[segue_id])
            for row in [*self._rows(f"{segue_id}-")]:
                self._daemon.repeat(session.delete, session_id=row.id)
        self._daemon.repeat(session.delete, session_id=segue_id)


def _draft(entry: SessionStoreEntry) -> Draft:
    """Return the entry as the only part of a message, with its text as content, so that `segue show` can show it."""
    told = entry.get("message")
    uuid = entry.get("uuid")
    return Draft(
        role=entry["type"] if entry["type"] in ROLES else "system",
        content=text_of_content(told.get("content")) if isinstance(told, dict) else "",
        parts=[dict(entry)],
        key=digest(uuid) if isinstance(uuid, str) else uuid4().hex,
        indexed=False,
    )


def _summary_draft(key: str, summary: dict[str, Any]) -> Draft:
    return Draft(role="system", content="summary", metadata=summary, key=key, indexed=False)


def _mtime(row: SessionSummary) -> int:
    return milliseconds(row.updated_at)
