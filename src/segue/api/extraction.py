"""Define the methods of the extraction queue: workers claim an entry by a lease, at most three times."""

from typing import Annotated

from msgspec import Meta, structs

from segue import store
from segue.api.parameters.validation import MAX_NOTE_BYTES, check_max_bytes
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import BotId, Count, Extraction, LeaseSeconds, Limit, MemoryDraft, RowId, SessionId
from segue.results import Deleted, ExtractionList, ExtractionPage, MemoryList

MemoryDrafts = Annotated[list[MemoryDraft], Meta(max_length=1000)]


@method("extraction.enqueue", raises=(NotFound, StorageError, InvalidData))
async def enqueue(ctx: Context, *, session_id: SessionId) -> Extraction:
    """Queue a session for extraction. Return its open entry, or a new one that replaces an exhausted one."""
    return await ctx.store.write(store.extractions.enqueue, session_id)


@method("extraction.list", raises=(StorageError, InvalidData))
async def list(
    ctx: Context,
    *,
    bot_id: BotId | None = None,
    include_exhausted: bool = False,
    limit: Limit = 100,
    offset: Count = 0,
) -> ExtractionPage:
    """List the queue, next due first. A page over `limits.answer_bytes` ends early."""
    return await ctx.store.read(
        store.extractions.list_page,
        bot_id,
        include_exhausted=include_exhausted,
        limit=limit,
        offset=offset,
        answer_bytes=ctx.config.limits.answer_bytes,
    )


@method("extraction.claim", raises=(StorageError, InvalidData))
async def claim(
    ctx: Context, *, bot_id: BotId | None = None, limit: Limit = 1, lease_seconds: LeaseSeconds = 300
) -> ExtractionList:
    """Lease due entries to the caller for `lease_seconds`. No other claim returns them until the lease expires.

    An expired lease counts as an attempt. An entry with three attempts is exhausted and not returned.
    """
    while True:
        claimed, incomplete = await ctx.store.write(store.extractions.claim, bot_id, limit, lease_seconds)
        if claimed or not incomplete:
            return ExtractionList(extractions=claimed)


@method("extraction.complete", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def complete(ctx: Context, *, extraction_id: RowId, memories: MemoryDrafts) -> MemoryList:
    """Save at most 1000 memories under the entry's bot and session, and remove the entry, in one transaction."""
    for draft in memories:
        check_max_bytes(draft.fact, ctx.config.limits.content_bytes, "fact")
    redacted = [structs.replace(draft, fact=await ctx.redact(draft.fact)) for draft in memories]
    return MemoryList(memories=await ctx.store.write(store.extractions.complete, extraction_id, redacted))


@method("extraction.fail", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def fail(ctx: Context, *, extraction_id: RowId, error: str) -> Extraction:
    """Record a failed attempt and its error, at most 64 KiB.

    The entry is due again after 60 s, then after 240 s. The third failure exhausts it.
    """
    check_max_bytes(error, min(MAX_NOTE_BYTES, ctx.config.limits.content_bytes), "error")
    return await ctx.store.write(store.extractions.fail, extraction_id, await ctx.redact(error))


@method("extraction.delete", raises=(StorageError,))
async def delete(ctx: Context, *, extraction_id: RowId) -> Deleted:
    """Delete an entry. `deleted` is false if it does not exist."""
    return Deleted(deleted=await ctx.store.write_deletion(store.extractions.delete, extraction_id))
