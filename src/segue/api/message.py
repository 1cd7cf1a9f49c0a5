"""Define the methods of messages: append, read, count, delete and search."""

import builtins
from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from segue import store
from segue.api.message_changes import Drafts, Keys
from segue.api.message_changes import begin as begin
from segue.api.message_changes import delete as delete
from segue.api.message_changes import delta as delta
from segue.api.message_changes import finish as finish
from segue.api.message_changes import replace as replace
from segue.api.message_changes import update as update
from segue.api.parameters import drafts
from segue.api.parameters.validation import check_time, normalize_directory
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, InvalidParams, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import (
    BotId,
    Count,
    Draft,
    GivenRole,
    Mark,
    MatchMode,
    Message,
    Metadata,
    Name,
    NewSession,
    OnKey,
    Order,
    PageLimit,
    Parts,
    Project,
    Role,
    RowId,
    Scope,
    SearchLimit,
    SearchOrder,
    SessionId,
    SourceFilter,
    Tags,
    Terminal,
    Timestamp,
    WorkingDir,
)
from segue.results import Appended, AppendedMany, DeletedCount, MessageCount, MessagePage, SearchPage

if TYPE_CHECKING:
    from segue.store.search.request import Request

Roles = Annotated[builtins.list[Role], Meta(max_length=4)]

Marks = Annotated[builtins.list[Mark], Meta(min_length=2, max_length=2)]
"""The texts before and after each match."""

QUICK_SECONDS = 0.25
"""Seconds: how long a search may occupy a reader that other requests wait for."""

SLOW_SECONDS = 5
"""Seconds: how long a search may take on its own connection."""


@method("message.append", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData), batchable=True)
def append(
    ctx: Context,
    *,
    session_id: SessionId | None = None,
    working_dir: WorkingDir | None = None,
    role: GivenRole,
    content: str | Parts | None = None,
    parts: Parts | None = None,
    token_count: Count | None = None,
    input_tokens: Count | None = None,
    output_tokens: Count | None = None,
    model: Name | None = None,
    stop_reason: Name | None = None,
    response_ms: Count | None = None,
    is_summary: bool = False,
    metadata: Metadata | None = None,
    key: Name | None = None,
    expected_last_id: RowId | None = None,
    bot_id: BotId | None = None,
    on_key: OnKey = "conflict",
    create: bool | NewSession = False,
    created_at: Timestamp | None = None,
    indexed: bool = True,
    project: Project | None = None,
    scope: Scope = "directory",
    terminal: Terminal | None = None,
) -> Awaitable[Appended]:
    """Append a message to `session_id`, or to the session that `working_dir` continues.

    The message is durable when the response is sent. The same `key` with the same role, content and parts returns the
    first result again. With other content it is a conflict; `on_key="keep"` returns the first result, and "replace"
    changes the stored message in place. With `expected_last_id`, the append is a conflict unless that is the id of the
    newest message (0: the session is empty). `create` creates a session that does not exist. With `indexed=false`, a
    search never finds the message. `bot_id`, `project`, `scope` and `terminal` need `working_dir`.
    """
    target = drafts.target_of(session_id, working_dir, create, bot_id, project, scope, terminal)
    draft = Draft(
        role=role,
        content=content,
        parts=parts,
        token_count=token_count,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        model=model,
        stop_reason=stop_reason,
        response_ms=response_ms,
        is_summary=is_summary,
        metadata=metadata,
        key=key,
        indexed=indexed,
        created_at=created_at,
    )
    if ctx.config.privacy.redact or create is not False:
        return drafts.append_redacted(ctx, target, draft, create, expected_last_id, on_key)
    new = drafts.prepare_without_redaction(ctx, draft)
    return drafts.queue_append(ctx, target, new, store.append.Options(expected_last_id, on_key))


@method("message.append_many", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData), batchable=True)
async def append_many(
    ctx: Context,
    *,
    session_id: SessionId,
    messages: Drafts,
    expected_last_id: RowId | None = None,
    on_key: OnKey = "conflict",
    create: bool | NewSession = False,
) -> AppendedMany:
    """Append at most 1000 messages to a session in one transaction: all are stored, or none.

    A message whose `key` was used before returns the id of the first one; see `message.append` for the options.
    """
    prepared = await drafts.prepare(ctx, messages, "$.messages[{}]")
    options = store.append.Options(expected_last_id, on_key, await drafts.creation(ctx, create, "$.create"))
    return await ctx.store.write(store.append.append_many, session_id, prepared, options)


@method("message.list", raises=(NotFound, StorageError, InvalidData))
async def list(
    ctx: Context,
    *,
    session_id: SessionId | None = None,
    after_id: RowId | None = None,
    before_id: RowId | None = None,
    since: Timestamp | None = None,
    roles: Roles | None = None,
    limit: PageLimit = 1000,
    offset: Count = 0,
    order: Order = "asc",
    keys: Keys | None = None,
    key_prefix: str | None = None,
    around_id: RowId | None = None,
    text_chars: Count | None = None,
) -> MessagePage:
    """List messages of one session, or of all, in the order of their ids.

    `after_id`, `before_id` and `since` are exclusive. `around_id` returns the page that has the message in its middle.
    `text_chars` cuts strings of content and parts; `cut` has their lengths. A page over `limits.answer_bytes` ends
    early, with `has_more`. With a session, `first_index` is the position of the first message in it.
    """
    check_time(since, "$.since")
    await ctx.daemon.streams.flush(session_id=session_id)
    return await ctx.store.read(
        store.machines.list_messages,
        store.message_page.Filter(session_id, after_id, before_id, since, roles, keys, key_prefix),
        limit=limit,
        offset=offset,
        order=order,
        answer_bytes=ctx.config.limits.answer_bytes,
        around_id=around_id,
        text_chars=text_chars,
    )


@method("message.get", raises=(NotFound, StorageError, InvalidData))
async def get(ctx: Context, *, message_id: RowId) -> Message:
    """Return a message."""
    await ctx.daemon.streams.flush(message_id=message_id)
    return await ctx.store.read(store.machines.get_message, message_id)


@method("message.count", raises=(NotFound, StorageError, InvalidData))
async def count(ctx: Context, *, session_id: SessionId) -> MessageCount:
    """Return the number of messages in a session."""
    return MessageCount(count=await ctx.store.read(store.messages.count, session_id))


@method("message.delete_before", raises=(NotFound, StorageError))
async def delete_before(ctx: Context, *, session_id: SessionId, before_id: RowId) -> DeletedCount:
    """Delete the messages of a session with ids below `before_id`, and return their number."""
    deleted = await ctx.store.write_deletion(store.messages.delete_before, session_id, before_id)
    ctx.daemon.schedule_purge()
    return DeletedCount(deleted=deleted)


@method("message.search", raises=(StorageError, InvalidData))
async def search(
    ctx: Context,
    *,
    query: str,
    session_id: SessionId | None = None,
    working_dir: WorkingDir | None = None,
    bot_id: BotId | None = None,
    role: Role | None = None,
    since: Timestamp | None = None,
    until: Timestamp | None = None,
    limit: SearchLimit = 20,
    offset: Count = 0,
    order: SearchOrder = "best",
    match: MatchMode = "words",
    project: Project | None = None,
    source: SourceFilter | None = None,
    tags: Tags | None = None,
    marks: Marks | None = None,
    cursor: str | None = None,
    count: bool = True,
) -> SearchPage:
    """Search for messages that match the query, and for sessions whose name or summary does.

    A message matches if its content or `parts` contain at least one word, and its text and its session's name together
    contain all. Case and accents do not matter. `"…"` searches for a phrase, and `*` after at least 3 characters for a
    prefix; other symbols are plain text. Of the newest 1000 matches the best come first; `next_cursor` continues with
    older ones. `since` is exclusive, `until` inclusive. `total` counts all matches, unless `count` is false.

    `match` "any" searches for messages that contain any of the words or other forms of them, ranked by relevance.
    "substring" (at least 3 characters, without regard to case) and "regex" (a Python pattern of at most 1000
    characters) scan the messages, newest first, for at most 1 s; `next_cursor` continues the scan.
    """
    check_time(since, "$.since")
    check_time(until, "$.until")
    directory = None if working_dir is None else normalize_directory(working_dir)
    request = store.search_request.Request(
        query,
        store.search_request.Filter(
            session_id, directory, bot_id, role, since, until, project, source, tuple(tags or ())
        ),
        match,
        order,
        limit,
        offset,
        cursor,
        count,
        store.snippets.Marks(*marks) if marks is not None else store.snippets.Marks(),
    )
    store.search_request.check(request)
    try:
        await ctx.daemon.index_messages()
    except StorageError:  # As on a full disk.
        return await _search(ctx, request, scans_rest=True)
    try:
        return await _search(ctx, request)
    except store.index.IndexDamaged:
        await ctx.store.write(store.index.reset)
    await ctx.daemon.index_messages()
    return await _search(ctx, request)


async def _search(ctx: Context, request: "Request", *, scans_rest: bool = False) -> SearchPage:
    """Search on a shared reader; a slow search starts again on its own connection, one at a time.

    So slow searches never occupy the readers that other clients wait for.
    """
    search, sessions = partial(store.machines.search_messages, scans_rest=scans_rest), store.session_list.by_ids
    if request.match == "words":
        try:
            return await ctx.store.read(search, request, QUICK_SECONDS, sessions)
        except store.message_search.TookTooLong:
            pass
    async with ctx.store.slow_reads:
        try:
            return await ctx.store.read_on_new_connection(search, request, SLOW_SECONDS, sessions)
        except store.message_search.TookTooLong:
            reason = f"the search takes longer than {SLOW_SECONDS} s; use fewer or rarer words"
            raise InvalidParams(reason, path="$.query") from None
