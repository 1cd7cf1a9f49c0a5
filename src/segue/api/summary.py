"""Define the methods of summaries, which are stored in addition to the messages."""

from segue import store
from segue.api.parameters.validation import check_max_bytes
from segue.api.request import Context
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
    """Save a summary of the messages from `messages_start` to `messages_end`, both included."""
    check_max_bytes(summary, ctx.config.limits.content_bytes, "summary")
    text = await ctx.redact(summary)
    return await ctx.store.write(store.summaries.save, session_id, text, messages_start, messages_end, token_count)


@method("summary.latest", raises=(NotFound, StorageError, InvalidData))
async def latest(ctx: Context, *, session_id: SessionId) -> Summary | None:
    """Return the newest summary of a session, or null."""
    return await ctx.store.read(store.summaries.latest, session_id)
