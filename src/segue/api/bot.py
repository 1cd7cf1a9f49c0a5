"""Define the methods of bots, which own sessions and memories."""

from segue import store
from segue.api.parameters.validation import MAX_NOTE_BYTES, check_max_bytes
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import Bot, BotId, Count, Limit, Name
from segue.results import BotDeleted, BotList

DELETED_AT_ONCE = 100
"""Sessions and memories of a bot that one transaction deletes, in about 1 ms, because other clients wait for it."""


@method("bot.create", raises=(Conflict, TooLarge, StorageError))
async def create(ctx: Context, *, bot_id: BotId, name: Name | None = None, description: str | None = None) -> Bot:
    """Create a bot. `name` defaults to the id. `description` holds at most 64 KiB."""
    check_max_bytes(description, min(MAX_NOTE_BYTES, ctx.config.limits.content_bytes), "description")
    shown_name = bot_id if name is None else await ctx.redact(name)
    return await ctx.store.write(store.bots.create, bot_id, shown_name, await ctx.redact(description))


@method("bot.get", raises=(NotFound, StorageError, InvalidData))
async def get(ctx: Context, *, bot_id: BotId) -> Bot:
    """Return a bot."""
    return await ctx.store.read(store.bots.get, bot_id)


@method("bot.list", raises=(StorageError, InvalidData))
async def list(ctx: Context, *, limit: Limit = 100, offset: Count = 0) -> BotList:
    """List bots, oldest first. The bot `default` always exists. A page over `limits.answer_bytes` ends early."""
    answer_bytes = ctx.config.limits.answer_bytes
    return await ctx.store.read(store.bots.list_page, limit=limit, offset=offset, answer_bytes=answer_bytes)


@method("bot.delete", raises=(Conflict, StorageError))
async def delete(ctx: Context, *, bot_id: BotId) -> BotDeleted:
    """Delete a bot with its sessions, messages, summaries, pending extractions and memories.

    `deleted` is false if the bot does not exist. The bot `default` cannot be deleted. Its sessions and memories are
    deleted 100 at a time, and the bot last, so after an error the same call deletes the rest.
    """
    total = BotDeleted(deleted=False, sessions_deleted=0, memories_deleted=0)
    while True:
        part = await ctx.store.write_deletion(store.bots.delete_slice, bot_id, DELETED_AT_ONCE)
        ctx.daemon.schedule_purge()
        total.deleted = part.deleted
        total.sessions_deleted += part.sessions_deleted
        total.memories_deleted += part.memories_deleted
        if part.sessions_deleted + part.memories_deleted < DELETED_AT_ONCE:
            return total
