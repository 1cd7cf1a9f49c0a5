"""Whole sessions: the parameters and results of `session.export`, `session.import` and `session.restore`."""

from typing import Annotated

from msgspec import Meta, Struct

from segue.models import (
    BotId,
    Count,
    Extraction,
    Memory,
    Message,
    Metadata,
    Name,
    Project,
    RowId,
    Session,
    Status,
    Summary,
    Tags,
    Timestamp,
    WorkingDir,
)


class SessionExport(Struct, kw_only=True):
    """A page of everything that a session holds."""

    session: Session
    messages: list[Message]
    summaries: list[Summary]
    memories: list[Memory]
    unindexed: list[RowId]
    """Messages that were appended with `indexed=false`."""
    extraction: Extraction | None
    """The session's entry of the extraction queue."""
    activity: Count
    """The session's place in the order of use."""
    next_cursor: str | None


class ImportSource(Struct, kw_only=True, forbid_unknown_fields=True):
    """The origin of a session: a tool, the tool's id of it, and the file."""

    tool: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="a tool's name such as claude")]
    id: Annotated[str, Meta(min_length=1, max_length=4096)]
    path: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None


class ImportedSession(Struct, kw_only=True, forbid_unknown_fields=True):
    """A session as a tool recorded it. Null counts as left out. `parent` is an id of the same tool.

    `bot_id` is that of a new session; one that exists stays with its bot.
    """

    bot_id: BotId | None = None
    working_dir: WorkingDir | None = None
    project: Project | None = None
    name: Name | None = None
    provider: Name | None = None
    model: Name | None = None
    system_prompt: str | None = None
    created_at: Timestamp | None = None
    parent: str | None = None
    tags: Tags | None = None
    metadata: Metadata | None = None
    status: Status | None = None
    ended_at: Timestamp | None = None
    archived: bool | None = None


class RestoreResult(Struct, kw_only=True):
    """The ids that restored messages and memories have, in the order in which they were given."""

    session_id: str | None
    created: bool
    message_ids: list[RowId]
    memory_ids: list[RowId]


class ImportResult(Struct, kw_only=True):
    """The effect of an import on a session and its messages."""

    session_id: str
    created: bool
    added: Count
    updated: Count
    unchanged: Count
