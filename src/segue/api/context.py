"""Define the method that builds the input of a model."""

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
    """Return what a model needs to continue a session: system prompt, memories, summary and messages.

    The messages are those after the newest summary. The memories are the bot's current ones, at most `memory_limit`.
    Over `max_tokens`, the oldest messages are dropped; the newest user message and all after it are kept.
    A tool call and its results are kept or dropped together.
    A message without a stored token count is estimated, and `estimated` is then true: 1 token for 4 characters, or
    for 1 of Chinese, Japanese or Korean, and 1600 for an image. With `format` `openai` or `anthropic`, `request` is
    a valid request of that provider's API without its model.
    """
    return await ctx.store.read(
        store.context.build,
        session_id,
        max_tokens=max_tokens,
        memory_limit=memory_limit,
        answer_bytes=ctx.config.limits.answer_bytes,
        format=format,
    )
