"""A plugin of pytest: let the tests of the OpenAI Agents SDK make a `SegueSession` where they make a `SQLiteSession`.

Each database in memory is a namespace of its own, and so is each file with its tables.
"""

import os
from itertools import count
from typing import Any

import agents
import agents.extensions.memory.encrypt_session  # Before the replacement, because it treats a SQLiteSession specially.
import agents.memory
import agents.memory.sqlite_session

from segue.integrations.openai_agents import SegueSession

_numbers = count()
_init = SegueSession.__init__


def init_as_sqlite_session(
    self: SegueSession,
    session_id: str,
    db_path: object = ":memory:",
    sessions_table: str = "agent_sessions",
    messages_table: str = "agent_messages",
    **options: Any,
) -> None:
    place = f"{os.getpid()}-{next(_numbers)}" if str(db_path) == ":memory:" else str(db_path)
    _init(self, session_id, namespace=f"{place} {sessions_table} {messages_table}", **options)


SegueSession.__init__ = init_as_sqlite_session  # type: ignore[method-assign]
for module in (agents, agents.memory, agents.memory.sqlite_session):
    module.SQLiteSession = SegueSession
