"""The queue of pending memory extractions: claimed by a lease, tried three times."""

from typing import Annotated

from msgspec import Meta, structs

from segue import store
from segue.api.request import Context
from segue.api.validation import MAX_NOTE_BYTES, check_max_bytes
from segue.errors import Conflict, InvalidData, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import BotId, Count, Extraction, LeaseSeconds, Limit, MemoryDraft, RowId, SessionId
from segue.results import Deleted, ExtractionList, ExtractionPage, MemoryList

MemoryDrafts = Annotated[list[MemoryDraft], Meta(max_length=1000)]


@method("extraction.enqueue", raises=(NotFound, StorageError, InvalidData))
async def enqueue(ctx: Context, *, session_id: SessionId) -> Extraction:
    """The session's open entry, or a new one in place of one that is exhausted."""
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
    """Return one page of the queue, the next due first; it ends early when it exceeds `limits.answer_bytes`."""
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
    """Entries that are due, leased to the caller alone; a lease that ran out before counts as an attempt."""
    while True:
        claimed, incomplete = await ctx.store.write(store.extractions.claim, bot_id, limit, lease_seconds)
        if claimed or not incomplete:
            return ExtractionList(extractions=claimed)


@method("extraction.complete", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def complete(ctx: Context, *, extraction_id: RowId, memories: MemoryDrafts) -> MemoryList:
    """The memories as saved under the entry's bot and session; the entry is off the queue with them."""
    for draft in memories:
        check_max_bytes(draft.fact, ctx.config.limits.content_bytes, "fact")
    cleaned = [structs.replace(draft, fact=await ctx.clean(draft.fact)) for draft in memories]
    return MemoryList(memories=await ctx.store.write(store.extractions.complete, extraction_id, cleaned))


@method("extraction.fail", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def fail(ctx: Context, *, extraction_id: RowId, error: str) -> Extraction:
    """The entry with its error: due again after 60 s, then 240 s; the third failure exhausts it."""
    check_max_bytes(error, min(MAX_NOTE_BYTES, ctx.config.limits.content_bytes), "error")
    return await ctx.store.write(store.extractions.fail, extraction_id, await ctx.clean(error))


@method("extraction.delete", raises=(StorageError,))
async def delete(ctx: Context, *, extraction_id: RowId) -> Deleted:
    """Whether there was such an entry."""
    return Deleted(deleted=await ctx.store.write(store.extractions.delete, extraction_id))
