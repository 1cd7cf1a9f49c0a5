"""Define the methods that change sessions, and that bring whole sessions in and out."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, structs

from segue import store
from segue.api.parameters import drafts
from segue.api.parameters.validation import normalize_directory
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, InvalidParams, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import (
    Bot,
    Count,
    Draft,
    Extraction,
    Memory,
    Message,
    Metadata,
    Name,
    Project,
    RowId,
    Session,
    SessionId,
    Summary,
    Tags,
    Timestamp,
    WorkingDir,
)
from segue.transfer import ImportedSession, ImportResult, ImportSource, RestoreResult, SessionExport


@method("session.update", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
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
    project: Project | None | UnsetType = UNSET,
    tags: Tags | None | UnsetType = UNSET,
    archived: bool | UnsetType = UNSET,
    parent_id: SessionId | None | UnsetType = UNSET,
    retention_days: Count | None | UnsetType = UNSET,
    metadata_merge: Metadata | None = None,
    expected_updated_at: Timestamp | None = None,
) -> Session:
    """Change the given fields of a session, and return it. Null clears a field. `metadata` is replaced as a whole.

    `metadata_merge` is a JSON merge patch (RFC 7396). With `expected_updated_at`, the change is a conflict if another
    one came before it.
    """
    if metadata_merge is not None and metadata is not UNSET:
        raise InvalidParams("not allowed together with metadata", path="$.metadata_merge")
    drafts.check_session_texts(ctx, system_prompt, metadata)
    drafts.check_session_texts(ctx, None, metadata_merge)
    changes = {
        "name": await ctx.redact(name),
        "provider": provider,
        "model": model,
        "system_prompt": await ctx.redact(system_prompt),
        "working_dir": normalize_directory(working_dir) if isinstance(working_dir, str) else working_dir,
        "pinned": pinned,
        "metadata": await ctx.redact(metadata),
        "project": project,
        "tags": await ctx.redact(tags),
        "archived": archived,
        "parent_id": parent_id,
        "retention_days": retention_days,
    }
    has_large_texts = not system_prompt == metadata == UNSET or metadata_merge is not None
    write = ctx.store.write if has_large_texts else ctx.store.write_inline
    return await write(
        store.session_update.update,
        session_id,
        changes,
        metadata_merge=await ctx.redact(metadata_merge),
        expected_updated_at=expected_updated_at,
        content_bytes=ctx.config.limits.content_bytes,
    )


@method("session.import", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def import_(
    ctx: Context,
    *,
    source: ImportSource,
    session: ImportedSession,
    messages: Annotated[list[Draft], Meta(max_length=1000)] | None = None,
    restore: bool = True,
) -> ImportResult:
    """Import a session of another tool, or what is new of it; each message needs a `key`.

    One session is stored per tool and id. The same import again changes nothing. A known key is changed in place if the
    message differs. A name that a person gave stays. A directory never continues an imported session. With
    `restore=false`, a session that was deleted by `session.delete` is a conflict.
    """
    several = messages or []
    for number, message in enumerate(several):
        if message.key is None:
            raise InvalidParams("required", path=f"$.messages[{number}].key")
    about = await drafts.imported_session(ctx, session)
    prepared = await drafts.prepare(ctx, several, "$.messages[{}]")
    return await ctx.store.write_long(store.imports.import_session, source, about, prepared, restore=restore)


@method("session.restore", raises=(NotFound, Conflict, TooLarge, StorageError, InvalidData))
async def restore(
    ctx: Context,
    *,
    bots: list[Bot] | None = None,
    session: Session | None = None,
    first_index: Count = 0,
    messages: Annotated[list[Message], Meta(max_length=1000)] | None = None,
    unindexed: list[RowId] | None = None,
    summaries: list[Summary] | None = None,
    memories: Annotated[list[Memory], Meta(max_length=1000)] | None = None,
    extraction: Extraction | None = None,
) -> RestoreResult:
    """Store a session again as `session.export` gave it, with its id, times and counters.

    Messages, summaries and memories get new ids; summaries and memories must refer to those. A long session comes in
    several calls: `first_index` is the number of its messages that were sent before. What is there already is left.
    """
    several = messages or []
    hidden = set(unindexed or ())
    given = [
        drafts.from_message(message, f"$.messages[{number}]", is_indexed=message.id not in hidden)
        for number, message in enumerate(several)
    ]
    prepared = await drafts.prepare(ctx, given, "$.messages[{}]")
    return await ctx.store.write_long(
        store.restores.restore,
        new_bots=[drafts.check_bot(bot, f"$.bots[{number}]") for number, bot in enumerate(bots or [])],
        session=None if session is None else await drafts.restored_session(ctx, session),
        first_index=first_index,
        messages=[
            store.restores.RestoredMessage(one, message.updated_at, message.state)
            for one, message in zip(prepared, several, strict=True)
        ],
        summaries=[structs.replace(one, summary=await ctx.redact(one.summary)) for one in summaries or []],
        facts=[structs.replace(one, fact=await ctx.redact(one.fact)) for one in memories or []],
        extraction=await drafts.restored_extraction(ctx, extraction),
    )


@method("session.export", raises=(NotFound, StorageError, InvalidData))
async def export(ctx: Context, *, session_id: SessionId, cursor: str | None = None) -> SessionExport:
    """Return everything that a session holds, in pages: messages, summaries and memories.

    A page has at most `limits.answer_bytes` bytes. `cursor` is the `next_cursor` of the page before; messages that were
    appended after the first page are left out.
    """
    await ctx.daemon.streams.flush(session_id=session_id)
    answer_bytes = ctx.config.limits.answer_bytes
    return await ctx.store.read(store.exports.page, session_id, cursor, answer_bytes)
