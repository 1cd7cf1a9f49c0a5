"""What a model needs to go on with a session."""

from segue import store
from segue.api.request import Context
from segue.errors import InvalidData, NotFound, StorageError
from segue.jsonrpc.method import method
from segue.models import Count, MemoryLimit, SessionId
from segue.results import ConversationContext


@method("context.build", raises=(NotFound, StorageError, InvalidData))
async def build(
    ctx: Context, *, session_id: SessionId, max_tokens: Count | None = None, memory_limit: MemoryLimit = 20
) -> ConversationContext:
    """System prompt, current memories of the bot, newest summary, and the messages after it.

    Over `max_tokens` only messages are dropped, oldest first, and none from the newest user message on. A
    message that nobody counted is taken as its characters / 4, and `estimated` is true.
    """
    return await ctx.store.read(
        store.context.build,
        session_id,
        max_tokens=max_tokens,
        memory_limit=memory_limit,
        answer_bytes=ctx.config.limits.answer_bytes,
    )
