"""One typed function per RPC method, one file per noun, and the table of them all.

The table is written out: one that fills itself by import side effects works in every test that imports the
modules, and is empty in the daemon.
"""

from segue.api import bot, conversation, daemon, events, extraction, memory, message, rpc, session, summary
from segue.jsonrpc.method import table

METHODS = table(rpc, daemon, session, message, summary, conversation, memory, extraction, bot, events)
