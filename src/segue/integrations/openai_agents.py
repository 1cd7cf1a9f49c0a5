"""Keep the sessions of the OpenAI Agents SDK in segue: `SegueSession`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from segue.api import message, session
from segue.errors import Conflict, NotFound
from segue.integrations.daemon import Daemon, digest, framework, in_thread, store_session, text_of_content
from segue.models import Draft, Message

with framework("agents", "openai-agents"):
    from agents import SessionSettings, TResponseInputItem
    from agents.memory import session as sessions
    from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

ROLES = ("user", "assistant", "system", "developer", "tool")

UNLIMITED = -1
"""Items: a limit below 0 returns all, as with the sessions of the SDK."""


class SegueSession(sessions.SessionABC):
    """The history of one conversation, in the daemon: `Runner.run(agent, "Hello", session=SegueSession("ada"))`.

    All objects with the same ID and namespace share the history, in any thread, event loop and process. An item is
    stored as it is. The session is hidden from lists, is kept until it is cleared, and is not searched.
    """

    def __init__(
        self,
        session_id: str,
        *,
        namespace: str = "default",
        socket: str | Path | None = None,
        session_settings: SessionSettings | dict[str, Any] | None = None,
    ) -> None:
        """Connect to nothing yet. `session_settings.limit` is the default limit of `get_items`."""
        self.session_id = session_id
        self.namespace = namespace
        settings = {} if session_settings is None else session_settings
        self.session_settings = coerce_session_settings(settings)
        self.segue_id = f"openai-agents-{digest(namespace, session_id)}"
        """The ID of the session in segue."""
        self._daemon = Daemon(socket)
        self._closed = False
        self._create = store_session("openai-agents", session_id, namespace=namespace, session_id=session_id)

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """Return the newest `limit` items, or all, the oldest first."""
        self._check_open()
        wanted = resolve_session_limit(limit, self.session_settings)
        return [_item(found) for found in await in_thread(self._newest, UNLIMITED if wanted is None else wanted)]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Append items. They are on disk when this returns."""
        self._check_open()
        drafts = [_draft(item) for item in items]
        if drafts:
            await in_thread(self._daemon.append, self.segue_id, drafts, self._create)

    async def pop_item(self) -> TResponseInputItem | None:
        """Remove the newest item and return it; None if there is none. The daemon deletes its text from the disk."""
        self._check_open()
        removed = await in_thread(self._pop)
        return _item(removed) if removed is not None else None

    async def clear_session(self) -> None:
        """Delete all items."""
        self._check_open()
        await in_thread(self._daemon.repeat, session.delete, session_id=self.segue_id)

    def close(self) -> None:
        """Refuse further calls on this object. The items stay, and so does the connection, which other objects use."""
        self._closed = True

    async def _get_compaction_snapshot(
        self, limit: int, *, prune_prefix: Callable[[TResponseInputItem], bool] | None = None
    ) -> Any:
        """Return the newest items, and a function that replaces the end of them unless other items came meanwhile.

        `OpenAIResponsesCompactionSession` calls this. A subclass may store items in another form, so it gets None.
        """
        if type(self) is not SegueSession:
            return None
        newest = await in_thread(self._newest, limit + 1)
        shown = newest[-limit:] if limit > 0 else []

        async def replace_suffix(start: int, output: list[TResponseInputItem]) -> bool:
            drafts = [_draft(item) for item in output]
            return bool(shown[start:]) and await in_thread(self._replace, shown[start:], drafts, prune_prefix)

        items = [_item(found) for found in shown]
        return sessions._CompactionSnapshot(items, len(newest) == len(shown), replace_suffix)  # noqa: SLF001

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError(f"the session {self.session_id!r} is closed; make another SegueSession")

    def _newest(self, limit: int) -> list[Message]:
        if limit == 0:
            return []
        try:
            if limit < 0:
                return self._daemon.messages(session_id=self.segue_id)
            return self._daemon.messages(limit, session_id=self.segue_id, order="desc")[::-1]
        except NotFound:
            return []

    def _pop(self) -> Message | None:
        try:
            replaced = self._daemon.call(message.replace, session_id=self.segue_id, last=1, return_removed=True)
        except NotFound:
            return None
        return replaced.removed_messages[0] if replaced.removed_messages else None

    def _replace(
        self, old: list[Message], drafts: list[Draft], prune: Callable[[TResponseInputItem], bool] | None
    ) -> bool:
        """Replace the messages, and remove what `prune` accepts of the oldest; False if they are not the newest."""
        try:
            self._daemon.repeat(
                message.replace,
                session_id=self.segue_id,
                from_id=old[0].id,
                expected_last_id=old[-1].id,
                messages=drafts,
                key=uuid4().hex,
            )
        except (Conflict, NotFound):
            return False
        if prune is not None:
            older = self._daemon.messages(session_id=self.segue_id, before_id=old[0].id)
            kept = next((found.id for found in older if not prune(_item(found))), old[0].id)
            self._daemon.repeat(message.delete_before, session_id=self.segue_id, before_id=kept)
        return True


def _draft(item: TResponseInputItem) -> Draft:
    """Return the item as the only part of a message, with its text as content, so that `segue show` can show it."""
    kind, role, content = item.get("type"), item.get("role"), item.get("content")
    if role not in ROLES:
        role = "tool" if isinstance(kind, str) and kind.endswith("_output") else "assistant"
    return Draft(
        role=role,
        content=text_of_content(content),
        parts=[dict(item)],
        key=uuid4().hex,
        indexed=False,
    )


def _item(found: Message) -> Any:
    """Return the item of a message. A message that a person added with `segue add` becomes an item with its role."""
    return found.parts[0] if found.parts else {"role": found.role, "content": found.content}
