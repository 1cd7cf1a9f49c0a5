"""Define the methods of sessions."""

from msgspec import UNSET, UnsetType

from segue import store
from segue.api.parameters import drafts
from segue.api.parameters.validation import check_max_bytes, normalize_directory
from segue.api.request import Context
from segue.api.session_changes import export as export
from segue.api.session_changes import import_ as import_
from segue.api.session_changes import restore as restore
from segue.api.session_changes import update as update
from segue.api.session_stats import stats as stats
from segue.errors import Conflict, InvalidData, InvalidParams, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import (
    PREVIEW_CHARS,
    BotId,
    Count,
    Days,
    EndStatus,
    Limit,
    MachineName,
    Metadata,
    Name,
    NewSession,
    PreviewChars,
    Project,
    RowId,
    Scope,
    Session,
    SessionId,
    SessionOrder,
    Status,
    Tags,
    Terminal,
    Timestamp,
    WorkingDir,
)
from segue.results import CleanupResult, Deleted, Empty, Resolution, SessionPage


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
    project: Project | None = None,
    scope: Scope = "directory",
    terminal: Terminal | None = None,
) -> Resolution:
    """Return the session that a directory continues, or create one.

    A directory continues its newest session that is not completed, archived or imported, if its last message is less
    than `session.continuity_hours` old. With `scope="project"`, the sessions of the project count instead. With
    `terminal`, the terminal's own session comes first, and recent sessions of other terminals are left to them.
    The other fields apply to a new session only. With `create=false`, no session is created.
    """
    check_max_bytes(system_prompt, ctx.config.limits.content_bytes, "system_prompt")
    place = store.resolve.Place(normalize_directory(working_dir), bot_id, project, scope, terminal)
    continuity_ms = ctx.config.session.continuity_ms
    if found := await ctx.store.read_inline(store.resolve.resolve_without_write, place, continuity_ms):
        return found
    new_fields = {
        "name": await ctx.redact(name),
        "provider": provider,
        "model": model,
        "system_prompt": await ctx.redact(system_prompt),
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
    project: Project | None = None,
    tags: Tags | None = None,
    parent_id: SessionId | None = None,
    retention_days: Count | None = None,
    created_at: Timestamp | None = None,
    terminal: Terminal | None = None,
) -> Session:
    """Create a session, which becomes the newest of its directory.

    The default `id` is `YYYY-MM-DD-HHMM-mmm` (UTC). `retention_days` replaces the configured number; 0 keeps it.
    `terminal` continues the session first, as in `session.resolve`.
    """
    new = NewSession(
        working_dir=working_dir,
        bot_id=bot_id,
        name=name,
        provider=provider,
        model=model,
        system_prompt=system_prompt,
        pinned=pinned,
        metadata=metadata,
        project=project,
        tags=tags,
        parent_id=parent_id,
        retention_days=retention_days,
        created_at=created_at,
    )
    columns = await drafts.session_columns(ctx, new)
    return await ctx.store.write(store.sessions.create, id=id, terminal=terminal, **columns)


@method("session.get", raises=(NotFound, StorageError, InvalidData))
async def get(ctx: Context, *, session_id: SessionId) -> Session:
    """Return a session."""
    return await ctx.store.read_inline(store.machines.get_session, session_id)


@method("session.list", raises=(NotFound, StorageError, InvalidData))
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
    project: Project | None = None,
    tags: Tags | None = None,
    archived: bool | None | UnsetType = UNSET,
    parent_id: SessionId | None = None,
    source: str | None = None,
    metadata: Metadata | None = None,
    with_metadata: bool = False,
    cursor: str | None = None,
    machine: MachineName | None = None,
) -> SessionPage:
    """List sessions, newest first, each with the beginning of its first user message.

    `id_prefix` and `name_contains` match literally; `name_contains` ignores case. A session needs all `tags`, and each
    member of `metadata`. Archived sessions are left out; `archived=true` lists only them, and null lists all. Sessions
    with the metadata `{"segue.kind": "store"}`, in which frameworks keep data, are only listed if `metadata` names
    `segue.kind`, or `id_prefix` is given. `source` is a tool, or "" for sessions that are not imported. `machine`
    is the name or id of the machine that used a session last; an unknown one is not found. `total` counts all matches.
    `next_cursor` continues the list without gaps or repetitions.
    """
    filter = store.session_filter.Filter(
        None if working_dir is None else normalize_directory(working_dir),
        bot_id,
        status,
        id_prefix,
        name_contains,
        pinned,
        project,
        False if isinstance(archived, UnsetType) else archived,
        parent_id,
        source,
        tags,
        metadata,
    )
    answer_bytes = ctx.config.limits.answer_bytes
    window = store.session_list.Window(order_by, limit, offset, cursor, preview_chars, with_metadata, answer_bytes)
    return await ctx.store.read(store.machines.list_sessions, filter, window, machine)


@method("session.touch", raises=(NotFound, StorageError, InvalidData))
async def touch(ctx: Context, *, session_id: SessionId) -> Session:
    """Set `last_message_at` of a session to now, and return the session. The status does not change."""
    return await ctx.store.write_inline(store.sessions.touch, session_id)


@method("session.resume", raises=(NotFound, Conflict, StorageError, InvalidData))
async def resume(
    ctx: Context,
    *,
    session_id: SessionId,
    working_dir: WorkingDir | None = None,
    project: Project | None | UnsetType = UNSET,
    terminal: Terminal | None = None,
) -> Session:
    """Make a session active and the newest of its directory, so that the directory continues it.

    With `working_dir` or `project`, the session moves there; `project=null` takes it out of its project. An imported
    session is a conflict; fork it.
    """
    home: dict[str, str | None] = {} if working_dir is None else {"working_dir": normalize_directory(working_dir)}
    if not isinstance(project, UnsetType):
        home["project"] = project
    return await ctx.store.write_inline(store.sessions.resume, session_id, home, terminal)


@method("session.end", raises=(NotFound, StorageError, InvalidData))
async def end(ctx: Context, *, session_id: SessionId, status: EndStatus = "completed") -> Session:
    """End a session and detach this connection. A completed session is not continued.

    If the session has ended before, its first `ended_at` stays.
    """
    return await ctx.daemon.end(ctx.client, session_id, status)


@method("session.attach", raises=(NotFound, StorageError, InvalidData))
async def attach(ctx: Context, *, session_id: SessionId) -> Session:
    """Attach this connection to a session, and return the session.

    If the connection closes without ending or detaching it, an active session becomes crashed, unless another
    connection is attached. Attaching a second time changes nothing.
    """
    return await ctx.daemon.attach(ctx.client, session_id)


@method("session.detach", raises=(NotFound, StorageError))
async def detach(ctx: Context, *, session_id: SessionId) -> Empty:
    """Detach this connection from a session, and change nothing else. Does nothing if it is not attached."""
    await ctx.store.read(store.sessions.require, session_id)
    await ctx.daemon.detach(ctx.client, session_id)
    return Empty()


@method("session.fork", raises=(NotFound, TooLarge, StorageError, InvalidData))
async def fork(
    ctx: Context, *, session_id: SessionId, upto_message_id: RowId | None = None, name: Name | None = None
) -> Session:
    """Create a session with copies of the messages up to and including `upto_message_id`, or of all messages.

    The fork has the bot, directory, model, prompt and metadata of the session; `metadata.forked_from` is its id.
    The fork is active, not pinned, and the newest session of its directory.
    """
    return await ctx.daemon.fork(session_id, upto_message_id, await ctx.redact(name))


@method("session.delete", raises=(StorageError,))
async def delete(ctx: Context, *, session_id: SessionId) -> Deleted:
    """Delete a session with its messages and summaries. Its memories are kept.

    `deleted` is false if the session does not exist.
    """
    deleted = await ctx.store.write_deletion(store.sessions.delete, session_id)
    ctx.daemon.schedule_purge()
    return Deleted(deleted=deleted)


@method("session.cleanup", raises=(Conflict, StorageError))
async def cleanup(ctx: Context, *, dry_run: bool = False, within_days: Days = 0) -> CleanupResult:
    """Delete sessions unused for `session.retention_days`, then the least recent over `session.max_sessions`.

    Imported sessions are deleted by `import.retention_days` only. Pinned and attached sessions are exempt and do not
    count. `dry_run` deletes nothing and reports what would be deleted, with `within_days` after that many days without
    use. The result lists at most 1000 ids. While sync is on, it is a conflict (`sync`) if the last sync is an hour ago
    or the clock is a day off, because other machines may use what would be deleted.
    """
    if dry_run:
        ages = store.retention.Ages(ctx.config.session.retention_ms, ctx.config.import_.retention_ms)
        return await ctx.store.read(store.retention.preview, ages, ctx.config.session.max_sessions, within_days)
    if within_days:
        raise InvalidParams("allowed only with dry_run", path="$.within_days")
    return await ctx.daemon.run_cleanup()
