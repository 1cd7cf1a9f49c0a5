"""Sessions: found by directory, made, changed, listed, ended and cleaned up."""

from msgspec import UNSET, UnsetType

from segue import store
from segue.api.request import Context
from segue.api.validation import check_json, check_max_bytes, normalize_directory
from segue.errors import Conflict, InvalidData, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import (
    PREVIEW_CHARS,
    BotId,
    Count,
    EndStatus,
    Limit,
    Metadata,
    Name,
    PreviewChars,
    RowId,
    Session,
    SessionId,
    SessionOrder,
    Status,
    WorkingDir,
)
from segue.results import CleanupResult, Deleted, Empty, Resolution, SessionPage
from segue.transfer import SessionExport


@method("session.resolve", raises=(NotFound, TooLarge, StorageError, InvalidData))
async def resolve(
    ctx: Context,
    *,
    working_dir: WorkingDir,
    bot_id: BotId = "default",
    name: Name | None = None,
    provider: Name | None = None,
    model: Name | None = None,
    system_prompt: str | None = None,
    create: bool = True,
) -> Resolution:
    """The session that a directory continues, or a new one, and why.

    Continued is the directory's newest session that is not completed, if its last message is less than
    `session.continuity_hours` old. `name`, `provider`, `model` and `system_prompt` serve a new session only.
    """
    check_max_bytes(system_prompt, ctx.config.limits.content_bytes, "system_prompt")
    place = store.resolve.DirectoryKey(normalize_directory(working_dir), bot_id)
    continuity_ms = ctx.config.session.continuity_ms
    found = await ctx.store.read(store.resolve.resolve_without_write, place, continuity_ms)
    if found is not None:
        return found
    new_fields = {
        "name": await ctx.clean(name),
        "provider": provider,
        "model": model,
        "system_prompt": await ctx.clean(system_prompt),
    }
    return await ctx.store.write(store.resolve.resolve, place, continuity_ms, create=create, new_fields=new_fields)


@method("session.create", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def create(
    ctx: Context,
    *,
    working_dir: WorkingDir | None = None,
    bot_id: BotId = "default",
    id: SessionId | None = None,
    name: Name | None = None,
    provider: Name | None = None,
    model: Name | None = None,
    system_prompt: str | None = None,
    pinned: bool = False,
    metadata: Metadata | None = None,
) -> Session:
    """A new session, the newest of its directory; without an `id` one is made of the time: `YYYY-MM-DD-HHMM-mmm`."""
    _check_texts(ctx, system_prompt, metadata)
    return await ctx.store.write(
        store.sessions.create,
        bot_id=bot_id,
        working_dir=None if working_dir is None else normalize_directory(working_dir),
        id=id,
        name=await ctx.clean(name),
        provider=provider,
        model=model,
        system_prompt=await ctx.clean(system_prompt),
        pinned=pinned,
        metadata=await ctx.clean(metadata),
    )


@method("session.get", raises=(NotFound, StorageError, InvalidData))
async def get(ctx: Context, *, session_id: SessionId) -> Session:
    """One session."""
    return await ctx.store.read(store.sessions.get, session_id)


@method("session.list", raises=(StorageError, InvalidData))
async def list(
    ctx: Context,
    *,
    working_dir: WorkingDir | None = None,
    bot_id: BotId | None = None,
    status: Status | None = None,
    id_prefix: str | None = None,
    name_contains: str | None = None,
    pinned: bool | None = None,
    order_by: SessionOrder = "last_message_at",
    limit: Limit = 20,
    offset: Count = 0,
    preview_chars: PreviewChars = PREVIEW_CHARS,
) -> SessionPage:
    """Sessions, newest first, with the beginning of what the user said first; `total` counts all that match.

    `id_prefix` and `name_contains` are literal, the second case-blind.
    """
    return await ctx.store.read(
        store.session_list.list_page,
        store.session_list.Filter(
            None if working_dir is None else normalize_directory(working_dir),
            bot_id,
            status,
            id_prefix,
            name_contains,
            pinned,
        ),
        order_by=order_by,
        limit=limit,
        offset=offset,
        preview_chars=preview_chars,
    )


@method("session.update", raises=(NotFound, TooLarge, StorageError, InvalidData))
async def update(
    ctx: Context,
    *,
    session_id: SessionId,
    name: Name | None | UnsetType = UNSET,
    provider: Name | None | UnsetType = UNSET,
    model: Name | None | UnsetType = UNSET,
    system_prompt: str | None | UnsetType = UNSET,
    working_dir: WorkingDir | None | UnsetType = UNSET,
    pinned: bool | UnsetType = UNSET,
    metadata: Metadata | None | UnsetType = UNSET,
) -> Session:
    """The session after the changes given; null clears, `metadata` is replaced as a whole."""
    _check_texts(
        ctx,
        None if isinstance(system_prompt, UnsetType) else system_prompt,
        None if isinstance(metadata, UnsetType) else metadata,
    )
    changes = {
        "name": await ctx.clean(name),
        "provider": provider,
        "model": model,
        "system_prompt": await ctx.clean(system_prompt),
        "working_dir": normalize_directory(working_dir) if isinstance(working_dir, str) else working_dir,
        "pinned": pinned,
        "metadata": await ctx.clean(metadata),
    }
    return await ctx.store.write(store.sessions.update, session_id, changes)


@method("session.touch", raises=(NotFound, StorageError, InvalidData))
async def touch(ctx: Context, *, session_id: SessionId) -> Session:
    """The session, as if its last message came now; its status stays."""
    return await ctx.store.write(store.sessions.touch, session_id)


@method("session.resume", raises=(NotFound, StorageError, InvalidData))
async def resume(ctx: Context, *, session_id: SessionId, working_dir: WorkingDir | None = None) -> Session:
    """The session, active and touched, so that its directory continues it; a given directory becomes its own."""
    home = UNSET if working_dir is None else normalize_directory(working_dir)
    return await ctx.store.write(store.sessions.resume, session_id, home)


@method("session.end", raises=(NotFound, StorageError, InvalidData))
async def end(ctx: Context, *, session_id: SessionId, status: EndStatus = "completed") -> Session:
    """The session, ended and detached: a completed one is not continued; the first `ended_at` stays."""
    return await ctx.daemon.end(ctx.client, session_id, status)


@method("session.attach", raises=(NotFound, StorageError, InvalidData))
async def attach(ctx: Context, *, session_id: SessionId) -> Session:
    """The session, which becomes crashed if this connection closes without ending or detaching it.

    Unless it is not active then, or another connection has it attached. Attaching twice is once.
    """
    return await ctx.daemon.attach(ctx.client, session_id)


@method("session.detach", raises=(NotFound, StorageError))
async def detach(ctx: Context, *, session_id: SessionId) -> Empty:
    """Leave the session in good order, as it is; nothing happens if it was not attached."""
    await ctx.store.read(store.sessions.require, session_id)
    await ctx.daemon.detach(ctx.client, session_id)
    return Empty()


@method("session.fork", raises=(NotFound, TooLarge, StorageError, InvalidData))
async def fork(
    ctx: Context, *, session_id: SessionId, upto_message_id: RowId | None = None, name: Name | None = None
) -> Session:
    """A new session, the newest of the same directory, with copies of the messages up to and including one.

    Bot, model, prompt and metadata are the same, and `metadata.forked_from` is the id; it is active and unpinned.
    """
    return await ctx.store.write(store.forks.fork, session_id, upto_message_id, await ctx.clean(name))


@method("session.export", raises=(NotFound, StorageError, InvalidData))
async def export(ctx: Context, *, session_id: SessionId, cursor: str | None = None) -> SessionExport:
    """Return everything that a session holds, in pages: messages, summaries and memories.

    A page has at most `limits.answer_bytes` bytes. `cursor` is the `next_cursor` of the page before; messages that were
    appended after the first page are left out.
    """
    answer_bytes = ctx.config.limits.answer_bytes
    return await ctx.store.read(store.exports.page, session_id, cursor, answer_bytes)


@method("session.delete", raises=(StorageError,))
async def delete(ctx: Context, *, session_id: SessionId) -> Deleted:
    """Whether there was such a session; its messages and summaries are gone with it, memories are kept."""
    deleted = await ctx.store.write(store.sessions.delete, session_id)
    ctx.daemon.purge()
    return Deleted(deleted=deleted)


@method("session.cleanup", raises=(StorageError,))
async def cleanup(ctx: Context, *, dry_run: bool = False) -> CleanupResult:
    """Delete sessions unused for `session.retention_days`, then the least recent above `session.max_sessions`.

    Pinned and attached ones are exempt and do not count. `dry_run` only says what would go. At most 1000 ids are told.
    """
    if dry_run:
        return await ctx.store.read(
            store.retention.preview, ctx.config.session.retention_ms, ctx.config.session.max_sessions
        )
    return await ctx.daemon.run_cleanup()


def _check_texts(ctx: Context, system_prompt: str | None, metadata: Metadata | None) -> None:
    limit = ctx.config.limits.content_bytes
    check_max_bytes(system_prompt, limit, "system_prompt")
    check_json(metadata, limit, "metadata")
