"""Define the methods that change stored messages: update, delete and replace."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from segue import store
from segue.api import drafts
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, InvalidParams, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import Count, Draft, Message, Metadata, Name, NewSession, Parts, RowId, SessionId
from segue.results import DeletedCount, MessagesReplaced

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
    changed = await ctx.store.write(store.message_edit.update, message_id, given, ctx.config.limits.content_bytes)
    ctx.daemon.schedule_purge()
    return changed


@method("message.delete", raises=(NotFound, StorageError))
async def delete(
    ctx: Context, *, session_id: SessionId, message_ids: MessageIds | None = None, keys: Keys | None = None
) -> DeletedCount:
    """Delete the session's messages that have one of the ids, or one of the keys, and return their number."""
    if (message_ids is None) == (keys is None):
        raise InvalidParams("exactly one of message_ids and keys", path="$.message_ids")
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
        raise InvalidParams("exactly one of from_id and last", path="$.from_id")
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
