"""Bots: personalities that own sessions and memories."""

from segue import store
from segue.api.request import Context
from segue.api.validation import MAX_NOTE_BYTES, check_max_bytes
from segue.errors import Conflict, InvalidData, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import Bot, BotId, Count, Limit, Name
from segue.results import BotDeleted, BotList


@method("bot.create", raises=(Conflict, TooLarge, StorageError))
async def create(ctx: Context, *, bot_id: BotId, name: Name | None = None, description: str | None = None) -> Bot:
    """A new bot; without a `name` it is called by its id."""
    check_max_bytes(description, min(MAX_NOTE_BYTES, ctx.config.limits.content_bytes), "description")
    called = bot_id if name is None else await ctx.clean(name)
    return await ctx.store.write(store.bots.create, bot_id, called, await ctx.clean(description))


@method("bot.get", raises=(NotFound, StorageError, InvalidData))
async def get(ctx: Context, *, bot_id: BotId) -> Bot:
    """One bot."""
    return await ctx.store.read(store.bots.get, bot_id)


@method("bot.list", raises=(StorageError, InvalidData))
async def list(ctx: Context, *, limit: Limit = 100, offset: Count = 0) -> BotList:
    """Return one page of the bots in order of creation; it ends early when it exceeds `limits.answer_bytes`."""
    answer_bytes = ctx.config.limits.answer_bytes
    return await ctx.store.read(store.bots.list_page, limit=limit, offset=offset, answer_bytes=answer_bytes)


@method("bot.delete", raises=(Conflict, StorageError))
async def delete(ctx: Context, *, bot_id: BotId) -> BotDeleted:
    """What went with the bot: its sessions with messages, summaries and queue entries, and its memories."""
    deleted = await ctx.store.write(store.bots.delete, bot_id)
    ctx.daemon.purge()
    return deleted
