"""Define one typed function per RPC method, in one module per noun, and the table of all methods.

The table is explicit: a table that is filled by imports would depend on which modules were imported.
"""

from segue.api import (
    bot,
    context,
    daemon,
    discovery,
    events,
    extraction,
    memory,
    message,
    session,
    shell,
    summary,
    sync,
)
from segue.jsonrpc.method import method_table

METHODS = method_table(
    discovery, daemon, session, shell, message, summary, context, memory, extraction, bot, events, sync
)
