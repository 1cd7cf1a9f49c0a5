"""Summaries: what a range of messages said, kept beside the messages and never in their place."""

from segue import store
from segue.api.request import Context
from segue.api.validation import check_max_bytes
from segue.errors import InvalidData, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import Count, RowId, SessionId, Summary


@method("summary.save", raises=(NotFound, TooLarge, StorageError, InvalidData))
async def save(
    ctx: Context,
    *,
    session_id: SessionId,
    summary: str,
    messages_start: RowId,
    messages_end: RowId,
    token_count: Count,
) -> Summary:
    """A new summary of the messages from one id to another, both included."""
    check_max_bytes(summary, ctx.config.limits.content_bytes, "summary")
    text = await ctx.clean(summary)
    return await ctx.store.write(store.summaries.save, session_id, text, messages_start, messages_end, token_count)


@method("summary.latest", raises=(NotFound, StorageError, InvalidData))
async def latest(ctx: Context, *, session_id: SessionId) -> Summary | None:
    """The session's newest summary, or null."""
    return await ctx.store.read(store.summaries.latest, session_id)
