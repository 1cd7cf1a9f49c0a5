"""Define the methods of event subscriptions."""

import builtins

from segue.api.parameters.validation import normalize_directory
from segue.api.request import Context
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
    """Subscribe this connection to events, which arrive as `event` notifications after the response.

    With `cursor`, the events after it come first. Each event carries the cursor to continue from.
    An event of kind `reset` ignores the filter and reports that events are missing: the cursor is too old or from
    another run of the daemon, or the client read too slowly. A connection has at most 16 subscriptions.
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
    """End a subscription of this connection. None of its events follows the response.

    `removed` is false if the connection has no such subscription.
    """
    return Removed(removed=ctx.client.unsubscribe(subscription_id))
