"""Define the methods of messages: append, read, count, delete and search."""

import builtins
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, structs

from segue import store
from segue.api.request import Context
from segue.api.validation import check_depth, check_time, normalize_directory
from segue.errors import Conflict, InvalidData, InvalidParams, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import (
    BotId,
    Count,
    Draft,
    Message,
    Metadata,
    Name,
    Order,
    PageLimit,
    Parts,
    Role,
    RowId,
    SearchLimit,
    SessionId,
    Timestamp,
    WorkingDir,
)
from segue.results import Appended, AppendedMany, DeletedCount, MessageCount, MessagePage, SearchPage

if TYPE_CHECKING:
    from segue.store.records.idempotency import PreparedMessage
    from segue.store.search.search import Filter

Roles = Annotated[builtins.list[Role], Meta(max_length=4)]
Drafts = Annotated[list[Draft], Meta(max_length=1000)]

QUICK_SECONDS = 0.25
"""Seconds: how long a search may occupy a reader that other requests wait for."""

SLOW_SECONDS = 5
"""Seconds: how long a search may take on its own connection."""


@method("message.append", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData), batchable=True)
async def append(
    ctx: Context,
    *,
    session_id: SessionId | None = None,
    working_dir: WorkingDir | None = None,
    role: Role,
    content: str,
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
) -> Appended:
    """Append a message to `session_id`, or to the session that `working_dir` continues.

    The message is durable when the response is sent. The same `key` with the same role, content and parts returns the
    first result again; with other content it is a conflict. With `expected_last_id`, the append is a conflict unless
    that is the id of the newest message (0: the session is empty). `bot_id` needs `working_dir`.
    """
    if (session_id is None) == (working_dir is None):
        raise InvalidParams("exactly one of session_id and working_dir", path="$.session_id")
    if bot_id is not None and working_dir is None:
        raise InvalidParams("only with working_dir", path="$.bot_id")
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
    )
    [new] = await _prepare(ctx, [draft], "$")
    write = ctx.store.write_inline if new.size <= store.append.INLINE_BYTES else ctx.store.write
    if session_id is not None:
        return await write(store.append.append, session_id, new, expected_last_id=expected_last_id)
    return await write(
        store.append.append_to_directory,
        store.resolve.DirectoryKey(normalize_directory(working_dir or ""), bot_id or "default"),
        ctx.config.session.continuity_ms,
        new,
        expected_last_id=expected_last_id,
    )


@method("message.append_many", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData), batchable=True)
async def append_many(
    ctx: Context, *, session_id: SessionId, messages: Drafts, expected_last_id: RowId | None = None
) -> AppendedMany:
    """Append at most 1000 messages to a session in one transaction: all are stored, or none.

    A message whose `key` was used before returns the id of the first one.
    """
    several = await _prepare(ctx, messages, "$.messages[{}]")
    return await ctx.store.write(store.append.append_many, session_id, several, expected_last_id=expected_last_id)


@method("message.list", raises=(StorageError, InvalidData))
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
) -> MessagePage:
    """List messages of one session, or of all, in the order of their ids.

    `after_id`, `before_id` and `since` are exclusive. A page over `limits.answer_bytes` ends early, with `has_more`.
    """
    check_time(since, "$.since")
    return await ctx.store.read(
        store.messages.list_page,
        session_id=session_id,
        after_id=after_id,
        before_id=before_id,
        since=since,
        roles=roles,
        limit=limit,
        offset=offset,
        order=order,
        answer_bytes=ctx.config.limits.answer_bytes,
    )


@method("message.get", raises=(NotFound, StorageError, InvalidData))
async def get(ctx: Context, *, message_id: RowId) -> Message:
    """Return a message."""
    return await ctx.store.read(store.messages.get, message_id)


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
) -> SearchPage:
    """Search for messages that contain all words of the query, best match first among the newest 1000.

    A word matches in the content, in `parts` or in the session's name. Case and accents do not matter.
    `"…"` searches for a phrase, and `*` after at least 3 characters for a prefix; other symbols are plain text.
    `since` is exclusive, `until` inclusive. `total` counts all matches.
    """
    check_time(since, "$.since")
    check_time(until, "$.until")
    store.message_search.check_query(query)
    directory = None if working_dir is None else normalize_directory(working_dir)
    filter = store.message_search.Filter(session_id, directory, bot_id, role, since, until)
    await ctx.daemon.index_messages()
    try:
        return await _search(ctx, query, filter, limit, offset)
    except store.index.IndexDamaged:
        await ctx.store.write(store.index.reset)
    await ctx.daemon.index_messages()
    return await _search(ctx, query, filter, limit, offset)


async def _search(ctx: Context, query: str, filter: "Filter", limit: int, offset: int) -> SearchPage:
    """Search on a shared reader; a slow search starts again on its own connection, one at a time.

    So slow searches never occupy the readers that other clients wait for.
    """
    search, page = store.message_search.search, {"limit": limit, "offset": offset}
    try:
        return await ctx.store.read(search, query, filter, **page, seconds=QUICK_SECONDS)
    except store.message_search.TookTooLong:
        pass
    async with ctx.store.slow_reads:
        try:
            return await ctx.store.read_on_new_connection(search, query, filter, **page, seconds=SLOW_SECONDS)
        except store.message_search.TookTooLong:
            reason = f"the search takes longer than {SLOW_SECONDS} s; use fewer or rarer words"
            raise InvalidParams(reason, path="$.query") from None


async def _prepare(ctx: Context, drafts: builtins.list[Draft], path: str) -> "builtins.list[PreparedMessage]":
    """Validate and redact drafts. All are redacted in one call, so that many short ones also run on another thread."""
    for index, draft in enumerate(drafts):
        check_depth(draft.parts, f"{path.format(index)}.parts")
        check_depth(draft.metadata, f"{path.format(index)}.metadata")
    if ctx.config.privacy.redact:
        redacted = await ctx.redact([(draft.content, draft.parts, draft.metadata) for draft in drafts])
        drafts = [
            structs.replace(draft, content=content, parts=parts, metadata=metadata)
            for draft, (content, parts, metadata) in zip(drafts, redacted, strict=True)
        ]
    limit = ctx.config.limits.content_bytes
    return [store.append.prepare(draft, limit, path.format(index)) for index, draft in enumerate(drafts)]
