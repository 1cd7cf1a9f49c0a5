"""What a model needs to go on with a session."""

from segue import store
from segue.api.request import Context
from segue.errors import InvalidData, NotFound, StorageError
from segue.jsonrpc.method import method
from segue.models import ContextFormat, Count, MemoryLimit, SessionId
from segue.results import ConversationContext


@method("context.build", raises=(NotFound, StorageError, InvalidData))
async def build(
    ctx: Context,
    *,
    session_id: SessionId,
    max_tokens: Count | None = None,
    memory_limit: MemoryLimit = 20,
    format: ContextFormat = "segue",
) -> ConversationContext:
    """Return system prompt, current memories of the bot, newest summary, and the messages after it.

    Over `max_tokens` only messages are dropped, oldest first, and none from a person's newest message on. Calls of
    tools and their results are kept or dropped together. A message without a token count is estimated: 1 token for
    4 characters, for 1 of Chinese, Japanese or Korean, 1600 for an image; `estimated` is then true. With `format`
    `openai` or `anthropic`, `request` is a valid request of that provider's API without its model.
    """
    return await ctx.store.read(
        store.context.build,
        session_id,
        max_tokens=max_tokens,
        memory_limit=memory_limit,
        answer_bytes=ctx.config.limits.answer_bytes,
        format=format,
    )
