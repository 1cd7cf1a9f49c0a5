"""The results of methods that are not just one of the values in `models`."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from segue.models import (
    Bot,
    Count,
    Extraction,
    Memory,
    Message,
    Reason,
    Role,
    RowId,
    Session,
    SessionSummary,
    Summary,
    Timestamp,
)
from segue.status_results import CleanupResult as CleanupResult
from segue.status_results import CleanupStatus as CleanupStatus
from segue.status_results import DaemonStatus as DaemonStatus
from segue.status_results import DatabaseStatus as DatabaseStatus
from segue.status_results import PrivacyStatus as PrivacyStatus
from segue.status_results import ProcessStatus as ProcessStatus
from segue.status_results import ReadStatus as ReadStatus
from segue.status_results import SyncMachine as SyncMachine
from segue.status_results import SyncStatus as SyncStatus
from segue.status_results import WriteStatus as WriteStatus


class Resolution(Struct, kw_only=True):
    """The session that a place continues, and the reason."""

    session: Session | None
    resumed: bool
    reason: Reason
    idle_seconds: Count | None
    previous: str | None
    others: Count

    @property
    def required_session(self) -> Session:
        """Return the session, or raise LookupError if none is continued and `create` was false."""
        if self.session is None:
            raise LookupError(f"no session is continued here ({self.reason})")
        return self.session


class SessionPage(Struct, kw_only=True):
    """A page of sessions, newest first, and the number of all that match."""

    sessions: list[SessionSummary]
    total: Count
    next_cursor: str | None


class StatsTotal(Struct, kw_only=True):
    """Sums over messages, and the number of sessions that they are in."""

    sessions: Count
    messages: Count
    user_messages: Count
    tool_calls: Count
    input_tokens: Count
    output_tokens: Count


class StatsRow(Struct, kw_only=True):
    """The sums of one day, week, month, model, tool or project; `key` is null for messages without one."""

    key: str | None
    sessions: Count
    messages: Count
    user_messages: Count
    tool_calls: Count
    input_tokens: Count
    output_tokens: Count


class Stats(Struct, kw_only=True):
    """The sums of each group and of all messages; `has_more` if rows were left out."""

    rows: list[StatsRow]
    total: StatsTotal
    has_more: bool


class MessagePage(Struct, kw_only=True):
    """A page of messages in the requested order."""

    messages: list[Message]
    has_more: bool
    first_index: Count | None | UnsetType = UNSET
    total: Count | UnsetType = UNSET


class Appended(Struct, kw_only=True):
    """The position of an appended message."""

    message_id: RowId
    session_id: str
    created_at: Timestamp
    duplicate: bool
    resumed: bool
    replaced: bool | UnsetType = UNSET


class AppendedMany(Struct, kw_only=True):
    """The positions of appended messages, in the order of the request."""

    message_ids: list[RowId]
    session_id: str
    duplicates: Count
    replaced: Count


class MessagesReplaced(Struct, kw_only=True):
    """The messages that were removed and appended, and the newest id (0: none)."""

    removed: Count
    removed_messages: list[Message] | UnsetType = UNSET
    message_ids: list[RowId]
    last_id: RowId


class SearchHit(Struct, kw_only=True):
    """A message that was found; `snippet` has a mark before and after each match, `matched` are the words found."""

    message_id: RowId
    session_id: str
    session_name: str | None
    working_dir: str | None
    role: Role
    created_at: Timestamp
    snippet: str
    score: float
    matched: list[str]
    source: str | UnsetType = UNSET
    """The tool that the session was imported from; left out for other sessions."""
    machine: str | UnsetType = UNSET
    """The machine on which it was stored first; left out for this one."""


class SearchPage(Struct, kw_only=True):
    """Messages that were found, and on the first page the sessions whose name or summary holds all words."""

    hits: list[SearchHit]
    total: Count | None
    sessions: list[SessionSummary]
    suggestions: list[str]
    next_cursor: str | None


class MessageCount(Struct, kw_only=True):
    """The number of messages in a session."""

    count: Count


class Deleted(Struct, kw_only=True):
    """The result of a deletion; `deleted` is false if there was nothing to delete."""

    deleted: bool


class DeletedCount(Struct, kw_only=True):
    """The number of deleted rows."""

    deleted: Count


class BotList(Struct, kw_only=True):
    """Bots in order of creation, and the number of all bots."""

    bots: list[Bot]
    total: Count


class BotDeleted(Struct, kw_only=True):
    """The result of deleting a bot, with the numbers of its sessions and memories."""

    deleted: bool
    sessions_deleted: Count
    memories_deleted: Count


class MemoryPage(Struct, kw_only=True):
    """A page of memories, most important first, then newest, and the number of all that match."""

    memories: list[Memory]
    total: Count


class MemoryList(Struct, kw_only=True):
    """The saved memories."""

    memories: list[Memory]


class ExtractionList(Struct, kw_only=True):
    """Entries of the extraction queue, next due first."""

    extractions: list[Extraction]


class ExtractionPage(ExtractionList, kw_only=True):
    """A page of the queue, the next due first, and the number of all entries that match."""

    total: Count


class ConversationContext(Struct, kw_only=True):
    """The part of a session that a model needs to continue it."""

    session_id: str
    system_prompt: str | None
    memories: list[Memory]
    summary: Summary | None
    messages: list[Message]
    token_count: Count
    estimated: bool
    dropped: Count
    request: dict[str, Any] | UnsetType = UNSET
    """The request of the API that `format` names; absent for the format `segue`."""


class Subscribed(Struct, kw_only=True):
    """A subscription, and the cursor at which it begins."""

    subscription_id: str
    cursor: str


class Removed(Struct, kw_only=True):
    """The result of ending a subscription; `removed` is false if there was none."""

    removed: bool


class CheckResult(Struct, kw_only=True):
    """The result of a check: a description of each problem."""

    ok: bool
    problems: list[str]


class SyncInvitation(Struct, kw_only=True):
    """The line with which another machine joins."""

    invitation: str


class SyncRekeyed(Struct, kw_only=True):
    """The line with which the other machines join again, the names of those, and what is not complete yet."""

    invitation: str
    machines: list[str]
    problems: list[str]


class BackupResult(Struct, kw_only=True):
    """The path and size of a backup."""

    path: str
    bytes: Count


class ScrubResult(Struct, kw_only=True):
    """Secrets that were found, by kind, and the rows that held them, by table; of each at most 1000 ids.

    `wiped`: whether nothing of them is left in the files (false: a long read keeps the WAL a little longer).
    """

    dry_run: bool
    found: dict[str, Count]
    rows: dict[str, Count]
    session_ids: list[str]
    message_ids: list[RowId]
    memory_ids: list[RowId]
    wiped: bool | None


class Empty(Struct):
    """An empty result, of a method that returns nothing else."""
