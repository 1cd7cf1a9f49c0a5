"""The values of the wire contract. Each type gives the validation, the JSON Schema and the documentation."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_INTEGER = 2**63 - 1
"""The largest integer of SQLite."""

# A pattern is searched for, so each ends in (?![\s\S]): unlike `$` it does not forgive a final newline,
# and unlike `\Z` a JSON Schema validator in JavaScript supports it.
_ID = r"^(?!-)[^\s\x00-\x1f\x7f-\x9f]+(?![\s\S])"
_LINE = r"^[^\x00-\x1f\x7f-\x9f]+(?![\s\S])"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?![\s\S])"

_ID_WORDS = "1 to 128 characters without white space or controls, not starting with -"
_LINE_WORDS = "1 to 255 characters without controls"
_TIME_WORDS = "a moment of the form 2026-11-21T14:23:05.123Z"

SessionId = Annotated[str, Meta(min_length=1, max_length=128, pattern=_ID, description=_ID_WORDS)]
MachineName = Annotated[str, Meta(min_length=1, max_length=255, description="the name or id of a machine")]
BotId = Annotated[str, Meta(min_length=1, max_length=128, pattern=_ID, description=_ID_WORDS)]
Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=_LINE, description=_LINE_WORDS)]
# Linux allows 4096 bytes and a client writes a byte that is not UTF-8 as four characters.
WorkingDir = Annotated[
    str, Meta(min_length=1, max_length=16384, pattern=r"^/[^\x00]*(?![\s\S])", description="an absolute path")
]
FilePath = Annotated[
    str, Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00]*(?![\s\S])", description="an absolute path")
]
Timestamp = Annotated[str, Meta(pattern=_TIME, description=_TIME_WORDS)]
Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
RowId = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
Days = Annotated[int, Meta(ge=0, le=36500)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
PageLimit = Annotated[int, Meta(ge=1, le=10000)]
SearchLimit = Annotated[int, Meta(ge=1, le=200)]
SearchOrder = Literal["best", "newest", "oldest"]
SearchQuery = Annotated[str, Meta(max_length=10_000)]
MatchMode = Literal["words", "any", "substring", "regex"]
SourceFilter = Annotated[str, Meta(max_length=100, description="a tool's name, or empty for native sessions")]
Mark = Annotated[str, Meta(max_length=100)]
PreviewChars = Annotated[int, Meta(ge=0, le=1000)]

Role = Literal["user", "assistant", "system", "tool"]
GivenRole = Literal["user", "assistant", "system", "tool", "developer", "function", "model"]
State = Literal["complete", "streaming", "interrupted"]
OnKey = Literal["conflict", "keep", "replace"]
Scope = Literal["directory", "project"]
Project = Annotated[str, Meta(min_length=1, max_length=4096, description="1 to 4096 characters")]
Tag = Annotated[str, Meta(min_length=1, max_length=100, description="1 to 100 characters")]
Tags = Annotated[list[Tag], Meta(max_length=50)]
Terminal = Annotated[str, Meta(min_length=1, max_length=255, description="1 to 255 characters")]
Status = Literal["active", "completed", "crashed"]
EndStatus = Literal["completed", "crashed"]
ContextFormat = Literal["segue", "openai", "anthropic"]
StatsGroup = Literal["day", "week", "month", "model", "tool", "project"]
TimeZone = Annotated[str, Meta(min_length=1, max_length=255, description="an IANA name, such as Europe/Berlin")]
SessionOrder = Literal["last_message_at", "created_at", "updated_at"]
Order = Literal["asc", "desc"]
Reason = Literal["recent", "none", "expired", "ended"]
Metadata = dict[str, Any]
Parts = list[dict[str, Any]]
Category = Literal["preference", "fact", "decision", "context", "correction"]
Importance = Annotated[int, Meta(ge=1, le=5)]
MemoryLimit = Annotated[int, Meta(ge=0, le=1000)]
LeaseSeconds = Annotated[int, Meta(ge=1, le=86400)]

PREVIEW_CHARS = 100


class Source(Struct, kw_only=True):
    """The origin of an imported session."""

    tool: str
    id: str
    path: str | None = None


class SessionSummary(Struct, kw_only=True):
    """A session in a list, without its system prompt."""

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
    project: str | None
    tags: list[str]
    archived: bool
    parent_id: str | None
    source: Source | None
    retention_days: Count | None
    machine: str | UnsetType = UNSET
    """The machine that used the session last; left out for this one."""
    metadata: Metadata | UnsetType = UNSET


class Session(Struct, kw_only=True):
    """A conversation: its place, its model and its counters."""

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
    project: str | None
    tags: list[str]
    archived: bool
    parent_id: str | None
    source: Source | None
    retention_days: Count | None
    machine: str | UnsetType = UNSET
    """The machine that used the session last; left out for this one."""


class Message(Struct):
    """One message of a conversation.

    The order of the members is the order of the columns that the store reads.
    """

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
    updated_at: Timestamp | None
    state: State
    cut: dict[str, Count] | UnsetType = UNSET
    machine: str | UnsetType = UNSET
    """The machine on which it was stored first; left out for this one."""


class Draft(Struct, kw_only=True, forbid_unknown_fields=True):
    """A message to be appended. Null counts as left out.

    `content` is a string, or an array that counts as `parts`, or null if there are parts.
    """

    role: GivenRole
    content: str | Parts | None = None
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
    indexed: bool | None = True
    created_at: Timestamp | None = None


class NewSession(Struct, kw_only=True, forbid_unknown_fields=True):
    """A session to be created for a message. Null counts as left out."""

    working_dir: WorkingDir | None = None
    bot_id: BotId | None = None
    name: Name | None = None
    provider: Name | None = None
    model: Name | None = None
    system_prompt: str | None = None
    pinned: bool | None = None
    metadata: Metadata | None = None
    project: Project | None = None
    tags: Tags | None = None
    parent_id: SessionId | None = None
    retention_days: Count | None = None
    created_at: Timestamp | None = None


class Bot(Struct, kw_only=True):
    """An owner of sessions and memories. The bot `default` always exists."""

    id: str
    name: str
    description: str | None
    created_at: Timestamp


class Memory(Struct, kw_only=True):
    """A fact that a bot remembers. It is kept when its session is deleted."""

    id: RowId
    bot_id: str
    session_id: str | None
    fact: str
    category: Category
    importance: Importance
    source_message_id: RowId | None
    superseded_by: RowId | None
    is_manual: bool
    created_at: Timestamp
    duplicate: bool | UnsetType = UNSET


class MemoryDraft(Struct, kw_only=True, forbid_unknown_fields=True):
    """A memory to be saved under an extraction's bot and session. Null counts as left out."""

    fact: str
    category: Category
    importance: Importance
    source_message_id: RowId | None = None
    is_manual: bool | None = False
    supersedes: RowId | None = None


class Summary(Struct, kw_only=True):
    """A summary of a range of messages. The messages are kept."""

    id: RowId
    session_id: str
    summary: str
    messages_start: RowId
    messages_end: RowId
    token_count: Count
    created_at: Timestamp


class Extraction(Struct, kw_only=True):
    """An entry of the extraction queue: a session whose memories are not extracted yet."""

    id: RowId
    session_id: str
    bot_id: str
    attempt_count: Count
    last_attempt_at: Timestamp | None
    next_attempt_at: Timestamp
    leased_until: Timestamp | None
    error_message: str | None
    created_at: Timestamp
