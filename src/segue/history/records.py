"""The values that a reader yields: sessions, messages and tool calls of another tool."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from segue.models import BotId, Category, Count, Importance, Name, Timestamp

Role = Literal["user", "assistant", "system", "tool"]

Kind = Literal["summary", "compaction", "command", "interrupt", "notification", "error"]
"""The kinds of messages that are not plain messages of a person or a model."""


class ToolCall(Struct, kw_only=True):
    """A tool call of a model, with its result where the history holds one."""

    id: str
    name: str
    arguments: Any
    result: str | None = None
    is_error: bool | None = None


class HistoryMessage(Struct, kw_only=True, omit_defaults=True):
    """A message as the tool recorded it.

    `key` identifies it within its session and stays the same when the tool rewrites the message.
    """

    key: Name
    role: Role
    text: str
    at: Timestamp | None = None
    kind: Kind | None = None
    injected: bool = False
    """True if the tool and no person wrote a text of the role `user`."""

    thinking: str | None = None
    tool_calls: list[ToolCall] = []
    model: Name | None = None
    token_count: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    stop_reason: Name | None = None
    response_ms: Count | None = None
    aborted: bool = False
    """True if the model's answer was cut off."""

    abandoned: bool = False
    """True if a rewind left the message out of the conversation."""


class HistoryBot(Struct):
    """A bot that owns a session."""

    id: BotId
    name: Name


class HistoryMemory(Struct, kw_only=True):
    """A fact of a session's bot; `id` and `superseded_by` are the tool's own ids, `source` is the key of a message."""

    id: str
    fact: str
    category: Category
    importance: Importance
    source: str | None = None
    superseded_by: str | None = None
    is_manual: bool = False
    at: Timestamp


class HistorySummary(Struct, kw_only=True):
    """A summary of the messages with the positions `start` to `end`, without the last; the first message has 0."""

    text: str
    start: Count
    end: Count
    token_count: Count
    at: Timestamp


class HistoryExtraction(Struct, kw_only=True):
    """A pending extraction of the session's memories."""

    attempt_count: Count
    last_attempt_at: Timestamp | None = None
    next_attempt_at: Timestamp
    error_message: str | None = None
    at: Timestamp


class HistorySession(Struct, kw_only=True, omit_defaults=True):
    """A conversation as the tool recorded it; `id`, `parent` and `forked_from` are the tool's own ids."""

    id: Annotated[str, Meta(min_length=1, max_length=4096)]
    path: str
    directory: str | None = None
    title: str | None = None
    provider: str | None = None
    model: str | None = None
    system_prompt: str | None = None
    started_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    status: Literal["completed", "crashed"] | None = None
    parent: str | None = None
    forked_from: str | None = None
    archived: bool = False
    bot: HistoryBot | None = None
    messages: list[HistoryMessage] = []
    summaries: list[HistorySummary] = []
    memories: list[HistoryMemory] = []
    extraction: HistoryExtraction | None = None
    metadata: dict[str, Any] = {}
