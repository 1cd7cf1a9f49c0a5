"""Validate, normalize and redact what clients want to store: messages and new sessions."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UnsetType, structs

from segue import store
from segue.api.parameters.validation import check_json, check_max_bytes, check_time, encode_shallow, normalize_directory
from segue.api.request import Context
from segue.conversation.parts import text_of
from segue.errors import InvalidParams
from segue.models import (
    Bot,
    BotId,
    Draft,
    Extraction,
    Message,
    Metadata,
    Name,
    NewSession,
    OnKey,
    Parts,
    Project,
    Scope,
    Session,
    SessionId,
    State,
    Tags,
    Timestamp,
    WorkingDir,
)
from segue.results import Appended
from segue.transfer import ImportedSession, ImportSource

if TYPE_CHECKING:
    from segue.store.records.append import Encoded, Options
    from segue.store.records.message.idempotency import PreparedMessage
    from segue.store.records.resolve import Place

ROLES = {"developer": "system", "function": "tool", "model": "assistant"}
"""The roles that other programs use, and the ones that are stored instead."""


def normalize_content(content: str | Parts | None, parts: Parts | None, path: str) -> tuple[str, Parts | None]:
    """Return the text and the parts of a message.

    An array as content counts as parts. Empty content is the text of the text parts, joined by line feeds.

    Raises:
        InvalidParams: there is neither content nor parts, or parts are given twice.
    """
    if isinstance(content, list):
        if parts is not None:
            raise InvalidParams("content is an array, so parts must be left out", path=f"{path}.parts")
        return text_of(content), content
    if content is None and parts is None:
        raise InvalidParams("required unless parts are given", path=f"{path}.content")
    return content or text_of(parts or []), parts


async def prepare(ctx: Context, drafts: list[Draft], path: str, state: State = "complete") -> "list[PreparedMessage]":
    """Normalize, redact and encode drafts; `path` has a `{}` for the index.

    All are redacted in one call, so that many short ones also run on another thread.
    """
    paths = [path.format(index) for index in range(len(drafts))]
    drafts = [_normalize(draft, path) for draft, path in zip(drafts, paths, strict=True)]
    encoded = [_encode_parts(draft, path) for draft, path in zip(drafts, paths, strict=True)]
    if ctx.config.privacy.redact:
        redacted = await ctx.redact([(draft.content, draft.parts, draft.metadata) for draft in drafts])
        drafts = [
            structs.replace(draft, content=content, parts=parts, metadata=metadata)
            for draft, (content, parts, metadata) in zip(drafts, redacted, strict=True)
        ]
        encoded = [store.append.Encoded(_encode(draft.parts), _encode(draft.metadata)) for draft in drafts]
    limit = ctx.config.limits.content_bytes
    return [
        store.append.prepare(draft, limit, path, texts, state)
        for draft, path, texts in zip(drafts, paths, encoded, strict=True)
    ]


def prepare_without_redaction(ctx: Context, draft: Draft) -> "PreparedMessage":
    """Do the same for the one message of a request, if nothing is to be redacted."""
    draft = _normalize(draft, "$")
    return store.append.prepare(draft, ctx.config.limits.content_bytes, "$", _encode_parts(draft, "$"))


def _encode_parts(draft: Draft, path: str) -> "Encoded":
    if draft.parts is None and draft.metadata is None:
        return store.append.NOTHING_ENCODED
    parts, metadata = encode_shallow(draft.parts, f"{path}.parts"), encode_shallow(draft.metadata, f"{path}.metadata")
    return store.append.Encoded(parts, metadata)


def _normalize(draft: Draft, path: str) -> Draft:
    if draft.created_at is not None:
        check_time(draft.created_at, f"{path}.created_at")
    content, parts = normalize_content(draft.content, draft.parts, path)
    role = ROLES.get(draft.role, draft.role)
    if (content, parts, role) == (draft.content, draft.parts, draft.role):
        return draft
    return structs.replace(draft, role=role, content=content, parts=parts)


def _encode(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


async def text_changes(
    ctx: Context,
    content: str | Parts | None | UnsetType,
    parts: Parts | None | UnsetType,
    metadata: Metadata | None | UnsetType,
) -> dict[str, Any]:
    """Return the columns that a change of a message's texts sets, validated, redacted and encoded.

    Raises:
        InvalidParams: content is null without parts, parts are given twice, or a value is nested too deeply.
    """
    if isinstance(content, list) or (content is None and not isinstance(parts, UnsetType)):
        content, parts = normalize_content(content, None if isinstance(parts, UnsetType) else parts, "$")
    elif content is None:
        raise InvalidParams("required unless parts are given", path="$.content")
    for name, value in (("parts", parts), ("metadata", metadata)):
        encode_shallow(None if isinstance(value, UnsetType) else value, f"$.{name}")
    changes: dict[str, Any] = {"content": await ctx.redact(content)}
    if not isinstance(parts, UnsetType):
        changes["parts"] = _encode(await ctx.redact(parts))
    if not isinstance(metadata, UnsetType):
        changes["metadata"] = _encode(await ctx.redact(metadata or {}))
    return changes


def target_of(
    session_id: str | None,
    working_dir: str | None,
    create: bool | NewSession,
    bot_id: str | None,
    project: str | None,
    scope: Scope,
    terminal: str | None,
) -> "str | Place":
    """Return the session or the place that a new message goes to.

    Raises:
        InvalidParams: there is not exactly one target, or an option does not fit it.
    """
    if (session_id is None) == (working_dir is None):
        raise InvalidParams("give exactly one of session_id and working_dir", path="$.session_id")
    if session_id is not None:
        for name, value in (("bot_id", bot_id), ("project", project), ("terminal", terminal)):
            if value is not None:
                raise InvalidParams("allowed only with working_dir", path=f"$.{name}")
        return session_id
    if create is not False:
        raise InvalidParams("allowed only with session_id", path="$.create")
    directory = normalize_directory(working_dir or "")
    return store.resolve.Place(directory, bot_id or "default", project, scope, terminal)


async def creation(ctx: Context, create: bool | NewSession, path: str) -> dict[str, Any] | None:
    """Return the columns of the session to create for a message, or None if none is to be created."""
    if create is False:
        return None
    return await session_columns(ctx, NewSession() if create is True else create, path)


async def session_columns(ctx: Context, new: NewSession, path: str = "$") -> dict[str, Any]:
    """Return the columns of a new session, validated and redacted."""
    check_session_texts(ctx, new.system_prompt, new.metadata)
    check_time(new.created_at, f"{path}.created_at")
    return {
        **structs.asdict(new),
        "bot_id": new.bot_id or "default",
        "working_dir": None if new.working_dir is None else normalize_directory(new.working_dir),
        "name": await ctx.redact(new.name),
        "system_prompt": await ctx.redact(new.system_prompt),
        "metadata": await ctx.redact(new.metadata),
        "tags": await ctx.redact(new.tags),
    }


async def imported_session(ctx: Context, new: ImportedSession) -> ImportedSession:
    """Return an imported session, validated and redacted."""
    check_session_texts(ctx, new.system_prompt, new.metadata)
    for name in ("created_at", "ended_at"):
        check_time(getattr(new, name), f"$.session.{name}")
    return structs.replace(
        new,
        working_dir=None if new.working_dir is None else normalize_directory(new.working_dir),
        name=await ctx.redact(new.name),
        system_prompt=await ctx.redact(new.system_prompt),
        metadata=await ctx.redact(new.metadata),
        tags=await ctx.redact(new.tags),
    )


async def restored_session(ctx: Context, session: Session) -> Session:
    """Return an exported session, validated and redacted."""
    check_session_texts(ctx, session.system_prompt, session.metadata)
    for name in ("created_at", "updated_at", "last_message_at", "ended_at"):
        check_time(getattr(session, name), f"$.session.{name}")
    for name, kind in _SESSION_TYPES.items():
        _check_type(getattr(session, name), kind, f"$.session.{name}")
    return structs.replace(
        session,
        name=await ctx.redact(session.name),
        system_prompt=await ctx.redact(session.system_prompt),
        metadata=await ctx.redact(session.metadata),
        tags=await ctx.redact(session.tags),
    )


async def restored_extraction(ctx: Context, entry: Extraction | None) -> Extraction | None:
    """Return an exported entry of the extraction queue, validated and redacted."""
    if entry is None:
        return None
    return structs.replace(entry, error_message=await ctx.redact(entry.error_message))


def from_message(message: Message, path: str, *, is_indexed: bool) -> Draft:
    """Return the draft that a message was appended from.

    Raises:
        InvalidParams: a value is none that a message can have.
    """
    given = {name: getattr(message, name) for name in Draft.__struct_fields__ if name != "indexed"}
    draft: Draft = _check_type({**given, "indexed": is_indexed}, Draft, path)
    return draft


def check_bot(bot: Bot, path: str) -> Bot:
    """Return the bot, or raise InvalidParams for a value that a bot cannot have."""
    _check_type(bot.id, BotId, f"{path}.id")
    _check_type(bot.name, Name, f"{path}.name")
    _check_type(bot.created_at, Timestamp, f"{path}.created_at")
    return bot


_SESSION_TYPES: dict[str, Any] = {
    "id": SessionId,
    "bot_id": BotId,
    "parent_id": SessionId | None,
    "source": ImportSource | None,
    "name": Name | None,
    "provider": Name | None,
    "model": Name | None,
    "tags": Tags,
    "working_dir": WorkingDir | None,
    "project": Project | None,
}


def _check_type(value: Any, kind: Any, path: str) -> Any:
    try:
        return msgspec.convert(value, kind, from_attributes=True)
    except msgspec.ValidationError as error:
        raise InvalidParams(str(error), path=path) from None


def check_session_texts(ctx: Context, system_prompt: Any, metadata: Any) -> None:
    """Raise TooLarge or InvalidParams for texts of a session that are too large or nested too deeply."""
    limit = ctx.config.limits.content_bytes
    check_max_bytes(system_prompt if isinstance(system_prompt, str) else None, limit, "system_prompt")
    check_json(metadata if isinstance(metadata, dict) else None, limit, "metadata")


async def append_redacted(
    ctx: Context,
    target: "str | Place",
    draft: Draft,
    create: bool | NewSession,
    expected_last_id: int | None,
    on_key: OnKey,
) -> Appended:
    """Redact the message, then queue it."""
    [new] = await prepare(ctx, [draft], "$")
    options = store.append.Options(expected_last_id, on_key, await creation(ctx, create, "$.create"))
    return await queue_append(ctx, target, new, options)


def queue_append(
    ctx: Context, target: "str | Place", new: "PreparedMessage", options: "Options"
) -> Awaitable[Appended]:
    """Queue the write of a message to a session or to a place."""
    is_small = new.size <= store.append.INLINE_BYTES
    if is_small and store.append_group.is_plain(new, options):
        plain = store.append_group.PlainAppend(target, new, ctx.config.session.continuity_ms)
        return ctx.store.queue_grouped(store.append_group.append_one, store.append_group.append_group, plain)
    write = ctx.store.queue if is_small else ctx.store.write
    if isinstance(target, str):
        return write(store.append.append, target, new, options)
    return write(store.append.append_to_place, target, ctx.config.session.continuity_ms, new, options)
