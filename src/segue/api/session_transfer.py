"""Define the methods that bring whole sessions in and out."""

from typing import Annotated

from msgspec import Meta

from segue import store
from segue.api import drafts
from segue.api.request import Context
from segue.errors import InvalidData, InvalidParams, NotFound, StorageError, TooLarge
from segue.jsonrpc.method import method
from segue.models import Draft, SessionId
from segue.transfer import ImportedSession, ImportResult, ImportSource, SessionExport


@method("session.import", raises=(TooLarge, StorageError, InvalidData))
async def import_(
    ctx: Context,
    *,
    source: ImportSource,
    session: ImportedSession,
    messages: Annotated[list[Draft], Meta(max_length=1000)] | None = None,
) -> ImportResult:
    """Import a session of another tool, or what is new of it; each message needs a `key`.

    One session is stored per tool and id. The same import again changes nothing. A known key is changed in place if the
    message differs. A name that a person gave stays. A directory never continues an imported session.
    """
    several = messages or []
    for number, message in enumerate(several):
        if message.key is None:
            raise InvalidParams("required", path=f"$.messages[{number}].key")
    about = await drafts.imported_session(ctx, session)
    prepared = await drafts.prepare(ctx, several, "$.messages[{}]")
    return await ctx.store.write(store.imports.import_session, source, about, prepared)


@method("session.export", raises=(NotFound, StorageError, InvalidData))
async def export(ctx: Context, *, session_id: SessionId, cursor: str | None = None) -> SessionExport:
    """Return everything that a session holds, in pages: messages, summaries and memories.

    A page has at most `limits.answer_bytes` bytes. `cursor` is the `next_cursor` of the page before; messages that were
    appended after the first page are left out.
    """
    answer_bytes = ctx.config.limits.answer_bytes
    return await ctx.store.read(store.exports.page, session_id, cursor, answer_bytes)
