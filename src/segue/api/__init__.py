"""One typed function per RPC method, one file per noun, and the table of them all.

The table is written out: one that fills itself by import side effects works in every test that imports the
modules, and is empty in the daemon.
"""

from segue.api import bot, context, daemon, discovery, events, extraction, memory, message, session, summary
from segue.jsonrpc.method import method_table

METHODS = method_table(discovery, daemon, session, message, summary, context, memory, extraction, bot, events)
