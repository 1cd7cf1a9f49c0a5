"""The values of the wire contract. A type here is validation, JSON Schema and documentation at once."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

MAX_INTEGER = 2**63 - 1
"""SQLite's integers end here."""

# A pattern is searched for, so each ends in (?![\s\S]): unlike `$` it does not forgive a final newline,
# and unlike `\Z` a JSON Schema validator in JavaScript knows it.
_ID = r"^(?!-)[^\s\x00-\x1f\x7f-\x9f]+(?![\s\S])"
_LINE = r"^[^\x00-\x1f\x7f-\x9f]+(?![\s\S])"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?![\s\S])"

SessionId = Annotated[str, Meta(min_length=1, max_length=128, pattern=_ID)]
BotId = Annotated[str, Meta(min_length=1, max_length=128, pattern=_ID)]
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=_LINE)]
# Linux allows 4096 bytes and a client writes a byte that is not UTF-8 as four characters.
WorkingDir = Annotated[str, Meta(min_length=1, max_length=16384, pattern=r"^/[^\x00]*(?![\s\S])")]
Timestamp = Annotated[str, Meta(pattern=_TIME)]
Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
RowId = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
PageLimit = Annotated[int, Meta(ge=1, le=10000)]
PreviewChars = Annotated[int, Meta(ge=0, le=1000)]

Role = Literal["user", "assistant", "system", "tool"]
Status = Literal["active", "completed", "crashed"]
EndStatus = Literal["completed", "crashed"]
SessionOrder = Literal["last_message_at", "created_at", "updated_at"]
Order = Literal["asc", "desc"]
Reason = Literal["recent", "none", "expired", "ended"]
Metadata = dict[str, Any]
Parts = list[dict[str, Any]]

PREVIEW_CHARS = 100


class SessionSummary(Struct, kw_only=True):
    """A session as lists show it."""

    id: str
    bot_id: str
    working_dir: str | None
    name: str | None
    provider: str | None
    model: str | None
    status: Status
    pinned: bool
    created_at: Timestamp
    updated_at: Timestamp
    last_message_at: Timestamp
    ended_at: Timestamp | None
    message_count: Count
    input_tokens: Count
    output_tokens: Count
    preview: str | None


class Session(Struct, kw_only=True):
    """A conversation: where it belongs, with whom it is, and what it has used."""

    id: str
    bot_id: str
    working_dir: str | None
    name: str | None
    provider: str | None
    model: str | None
    system_prompt: str | None
    status: Status
    pinned: bool
    metadata: Metadata
    created_at: Timestamp
    updated_at: Timestamp
    last_message_at: Timestamp
    ended_at: Timestamp | None
    message_count: Count
    input_tokens: Count
    output_tokens: Count


class Message(Struct, kw_only=True):
    """One turn of a conversation, as it was appended."""

    id: RowId
    session_id: str
    role: Role
    content: str
    parts: Parts | None
    token_count: Count | None
    input_tokens: Count | None
    output_tokens: Count | None
    model: str | None
    stop_reason: str | None
    response_ms: Count | None
    is_summary: bool
    key: str | None
    metadata: Metadata
    created_at: Timestamp


class Draft(Struct, kw_only=True, forbid_unknown_fields=True):
    """A message to be appended: what a client knows of it. Null counts as left out."""

    role: Role
    content: str
    parts: Parts | None = None
    token_count: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    model: Name | None = None
    stop_reason: Name | None = None
    response_ms: Count | None = None
    is_summary: bool | None = False
    metadata: Metadata | None = None
    key: Name | None = None


class Resolution(Struct, kw_only=True):
    """Which session a directory continues, and why."""

    session: Session | None
    resumed: bool
    reason: Reason
    idle_seconds: Count | None
    previous: str | None


class SessionPage(Struct, kw_only=True):
    """Sessions, newest first, and how many there are in all."""

    sessions: list[SessionSummary]
    total: Count


class MessagePage(Struct, kw_only=True):
    """Messages in the order asked for, and whether there are more."""

    messages: list[Message]
    has_more: bool


class Appended(Struct, kw_only=True):
    """Where a message went."""

    message_id: RowId
    session_id: str
    created_at: Timestamp
    duplicate: bool
    resumed: bool


class AppendedMany(Struct, kw_only=True):
    """Where several messages went, in the order given."""

    message_ids: list[RowId]
    session_id: str


class MessageCount(Struct, kw_only=True):
    """How many messages a session holds."""

    count: Count


class Deleted(Struct, kw_only=True):
    """Whether there was something to delete."""

    deleted: bool


class DeletedCount(Struct, kw_only=True):
    """How many were deleted."""

    deleted: Count


class CleanupResult(Struct, kw_only=True):
    """What a cleanup deleted, or would delete."""

    sessions_deleted: Count
    by_retention: Count
    by_max_sessions: Count
    session_ids: list[str]


class DatabaseStatus(Struct, kw_only=True):
    """The file behind the daemon."""

    path: str
    bytes: Count
    schema_version: Count
    sessions: Count
    messages: Count


class CleanupStatus(Struct, kw_only=True):
    """When sessions were last cleaned up, and when they will be next."""

    last_run_at: Timestamp | None
    next_run_at: Timestamp | None
    last_result: CleanupResult | None


class DaemonStatus(Struct, kw_only=True):
    """What the daemon is doing."""

    version: str
    protocol: int
    pid: int
    boot_id: str
    started_at: Timestamp
    uptime_s: Count
    socket: str
    database: DatabaseStatus
    clients: Count
    subscriptions: Count
    requests: Count
    errors: Count
    queue_depth: Count
    cleanup: CleanupStatus


class CheckResult(Struct, kw_only=True):
    """Whether the database is sound, and each problem in words."""

    ok: bool
    problems: list[str]


class Empty(Struct):
    """Nothing to say but that it was done."""
