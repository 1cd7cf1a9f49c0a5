"""Events: what every client's writes do, told to whoever asked, as it happens."""

import builtins

from segue.api.request import Context
from segue.api.validation import normalize_directory
from segue.events import EventKind, Filter
from segue.jsonrpc.method import method
from segue.models import BotId, SessionId, WorkingDir
from segue.results import Removed, Subscribed


@method("events.subscribe")
async def subscribe(
    ctx: Context,
    *,
    session_id: SessionId | None = None,
    working_dir: WorkingDir | None = None,
    bot_id: BotId | None = None,
    kinds: builtins.list[EventKind] | None = None,
    cursor: str | None = None,
) -> Subscribed:
    """A subscription on this connection: `event` notifications follow, those that were missed since `cursor` first.

    Each event has the cursor to go on after it. An event of kind `reset`, whatever the filter, says that some are
    missing: the cursor is too old or of another daemon, or the client read too slowly. At most 16 a connection.
    """
    wanted = Filter(
        session_id=session_id,
        working_dir=None if working_dir is None else normalize_directory(working_dir),
        bot_id=bot_id,
        kinds=None if kinds is None else frozenset(kinds),
    )
    return ctx.client.subscribe(wanted, cursor)


@method("events.unsubscribe")
async def unsubscribe(ctx: Context, *, subscription_id: str) -> Removed:
    """Whether this connection had that subscription; none of its events comes after the answer."""
    return Removed(removed=ctx.client.unsubscribe(subscription_id))
