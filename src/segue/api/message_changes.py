"""Define the methods that change messages: update, delete and replace, and begin, delta and finish of a stream."""

from typing import TYPE_CHECKING, Annotated

from msgspec import UNSET, Meta, UnsetType

from segue import store
from segue.api.parameters import drafts
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, InvalidParams, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import (
    BotId,
    Count,
    Draft,
    GivenRole,
    Message,
    Metadata,
    Name,
    NewSession,
    OnKey,
    Parts,
    Project,
    RowId,
    Scope,
    SessionId,
    Terminal,
    Timestamp,
    WorkingDir,
)
from segue.results import Appended, DeletedCount, Empty, MessagesReplaced

if TYPE_CHECKING:
    from segue.store.records.message.stream import Begun

Drafts = Annotated[list[Draft], Meta(max_length=1000)]
Keys = Annotated[list[Name], Meta(max_length=1000)]
MessageIds = Annotated[list[RowId], Meta(max_length=1000)]


@method("message.update", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def update(
    ctx: Context,
    *,
    message_id: RowId,
    content: str | Parts | None | UnsetType = UNSET,
    parts: Parts | None | UnsetType = UNSET,
    metadata: Metadata | None | UnsetType = UNSET,
    model: Name | None | UnsetType = UNSET,
    stop_reason: Name | None | UnsetType = UNSET,
    token_count: Count | None | UnsetType = UNSET,
    input_tokens: Count | None | UnsetType = UNSET,
    output_tokens: Count | None | UnsetType = UNSET,
) -> Message:
    """Change the given fields of a message in place, and return it. Null clears a field; its id and time stay.

    Content and parts of a message that is being streamed are a conflict.
    """
    changes = {
        "model": model,
        "stop_reason": stop_reason,
        "token_count": token_count,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        **await drafts.text_changes(ctx, content, parts, metadata),
    }
    given = {name: value for name, value in changes.items() if value is not UNSET}
    await ctx.daemon.streams.flush(message_id=message_id)
    changed = await ctx.store.write(store.message_edit.update, message_id, given, ctx.config.limits.content_bytes)
    ctx.daemon.schedule_purge()
    return changed


@method("message.delete", raises=(NotFound, StorageError))
async def delete(
    ctx: Context, *, session_id: SessionId, message_ids: MessageIds | None = None, keys: Keys | None = None
) -> DeletedCount:
    """Delete the session's messages that have one of the ids, or one of the keys, and return their number."""
    if (message_ids is None) == (keys is None):
        raise InvalidParams("give exactly one of message_ids and keys", path="$.message_ids")
    deleted = await ctx.store.write_deletion(store.message_edit.delete, session_id, message_ids=message_ids, keys=keys)
    ctx.daemon.schedule_purge()
    return DeletedCount(deleted=deleted)


@method("message.replace", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def replace(
    ctx: Context,
    *,
    session_id: SessionId,
    from_id: RowId | None = None,
    last: Count | None = None,
    messages: Drafts | None = None,
    expected_last_id: RowId | None = None,
    key: Name | None = None,
    return_removed: bool = False,
    create: bool | NewSession = False,
) -> MessagesReplaced:
    """Remove the messages from `from_id` on, or the newest `last` ones, and append others, in one transaction.

    A repeated `key` returns the first result, without the removed messages.
    """
    if (from_id is None) == (last is None):
        raise InvalidParams("give exactly one of from_id and last", path="$.from_id")
    prepared = await drafts.prepare(ctx, messages or [], "$.messages[{}]")
    if return_removed:
        await ctx.daemon.streams.flush(session_id=session_id)
    options = store.append.Options(expected_last_id, creation=await drafts.creation(ctx, create, "$.create"))
    replaced = await ctx.store.write(
        store.message_replace.replace,
        session_id,
        prepared,
        options,
        from_id=from_id,
        last=last,
        key=key,
        return_removed=return_removed,
    )
    ctx.daemon.schedule_purge()
    return replaced


@method("message.begin", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def begin(
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
) -> Appended:
    """Begin a message whose text follows with `message.delta`; the parameters are those of `message.append`.

    The message has the state `streaming` and belongs to this connection. If the connection closes before
    `message.finish`, or the daemon dies, the state is `interrupted`, and the message has all text that was durable. A
    search finds the message when it has ended.

    The same `key` with the stored content begins a message again that has not ended or was interrupted, so that a retry
    after a lost connection does not make a second one. After a delta, `on_key="replace"` begins it again with the given
    content, and `on_key="keep"` with the stored one.
    """
    target = drafts.target_of(session_id, working_dir, create, bot_id, project, scope, terminal)
    if content is None and parts is None:
        content = ""
    content, parts = drafts.normalize_content(content, parts, "$")
    opening = await ctx.daemon.streams.open(content if parts is None else "")
    draft = Draft(
        role=role,
        content=opening.content if parts is None else content,
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
    [new] = await drafts.prepare(ctx, [draft], "$", "streaming")
    options = store.append.Options(expected_last_id, on_key, await drafts.creation(ctx, create, "$.create"))

    async def write() -> "Begun":
        if isinstance(target, str):
            return await ctx.store.write(store.message_stream.begin, target, new, options)
        continuity_ms = ctx.config.session.continuity_ms
        return await ctx.store.write(store.message_stream.begin_in_place, target, continuity_ms, new, options)

    return await ctx.daemon.streams.begin(ctx.client, opening, write, keyed=key is not None)


@method("message.delta", raises=(NotFound, Conflict, TooLarge, StorageError))
async def delta(ctx: Context, *, message_id: RowId, text: str) -> Empty:
    """Add text to the content of a message that this connection began; usually sent as a notification.

    The text is durable within a second. Subscribers immediately get it as the event `message.delta`, which is not kept.
    After a text that makes the content larger than `limits.content_bytes`, the message takes no more.
    """
    await ctx.daemon.streams.delta(ctx.client, message_id, text)
    return Empty()


@method("message.finish", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def finish(
    ctx: Context,
    *,
    message_id: RowId,
    content: str | Parts | None = None,
    parts: Parts | None = None,
    stop_reason: Name | None = None,
    model: Name | None = None,
    token_count: Count | None = None,
    input_tokens: Count | None = None,
    output_tokens: Count | None = None,
    response_ms: Count | None = None,
    metadata: Metadata | None = None,
) -> Message:
    """End a message that this connection began, and return it with the state `complete`.

    A given `content` replaces the text that was streamed. Fields that are left out keep their value.
    """
    changes = {
        "stop_reason": stop_reason,
        "model": model,
        "token_count": token_count,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "response_ms": response_ms,
        **await drafts.text_changes(
            ctx,
            UNSET if content is None else content,
            UNSET if parts is None else parts,
            UNSET if metadata is None else metadata,
        ),
    }
    given = {name: value for name, value in changes.items() if value is not None and value is not UNSET}
    finished = await ctx.daemon.streams.finish(ctx.client, message_id, given)
    if "content" in given:
        ctx.daemon.schedule_purge()  # What was streamed instead is still in the WAL.
    return finished
