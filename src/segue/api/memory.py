"""Define the methods of memories: facts that a bot uses in every later session."""

from segue import store
from segue.api.parameters.validation import check_max_bytes
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import BotId, Category, Count, Importance, Limit, Memory, MemoryDraft, RowId, SearchQuery, SessionId
from segue.results import Deleted, DeletedCount, MemoryPage


@method("memory.save", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def save(
    ctx: Context,
    *,
    fact: str,
    category: Category,
    importance: Importance,
    bot_id: BotId = "default",
    session_id: SessionId | None = None,
    source_message_id: RowId | None = None,
    is_manual: bool = False,
    supersedes: RowId | None = None,
) -> Memory:
    """Save a memory. With `supersedes`, it replaces that memory.

    `memory.list` returns a superseded memory only with `include_superseded`.
    """
    check_max_bytes(fact, ctx.config.limits.content_bytes, "fact")
    draft = MemoryDraft(
        fact=await ctx.redact(fact),
        category=category,
        importance=importance,
        source_message_id=source_message_id,
        is_manual=is_manual,
        supersedes=supersedes,
    )
    return await ctx.store.write(store.memories.save, bot_id, session_id, draft)


@method("memory.get", raises=(NotFound, StorageError, InvalidData))
async def get(ctx: Context, *, memory_id: RowId) -> Memory:
    """Return a memory."""
    return await ctx.store.read(store.memories.get, memory_id)


@method("memory.list", raises=(StorageError, InvalidData))
async def list(
    ctx: Context,
    *,
    bot_id: BotId | None = None,
    session_id: SessionId | None = None,
    category: Category | None = None,
    include_superseded: bool = False,
    limit: Limit = 100,
    offset: Count = 0,
    query: SearchQuery | None = None,
) -> MemoryPage:
    """Return the memories of a bot or a session, most important first, then newest first.

    With `query`, return those whose fact contains all words of it, as `message.search` does, best match first.

    `bot_id` defaults to `default` if `session_id` is not given either. The session may be deleted already.
    A page over `limits.answer_bytes` ends early.
    """
    return await ctx.store.read(
        store.memories.list_page,
        bot_id="default" if bot_id is None and session_id is None else bot_id,
        session_id=session_id,
        category=category,
        include_superseded=include_superseded,
        words=query,
        limit=limit,
        offset=offset,
        answer_bytes=ctx.config.limits.answer_bytes,
    )


@method("memory.delete", raises=(StorageError,))
async def delete(ctx: Context, *, memory_id: RowId) -> Deleted:
    """Delete a memory. `deleted` is false if it does not exist.

    The memory that it superseded then points to its successor, or is current again.
    """
    deleted = await ctx.store.write(store.memories.delete, memory_id)
    ctx.daemon.schedule_purge()
    return Deleted(deleted=deleted)


@method("memory.delete_all", raises=(NotFound, StorageError))
async def delete_all(ctx: Context, *, bot_id: BotId) -> DeletedCount:
    """Delete all memories of a bot, and return their number."""
    deleted = await ctx.store.write(store.bots.delete_memories, bot_id)
    ctx.daemon.schedule_purge()
    return DeletedCount(deleted=deleted)
