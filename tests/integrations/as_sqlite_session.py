"""A plugin of pytest: let the tests of the OpenAI Agents SDK make a `SegueSession` where they make a `SQLiteSession`."""

import os
from itertools import count
from typing import Any

import agents
import agents.memory
import agents.memory.sqlite_session

from segue.integrations.openai_agents import SegueSession

_numbers = count()


class AsSQLiteSession(SegueSession):
    """Each database in memory is a namespace of its own, and so is each file with its tables."""

    def __new__(cls, *arguments: Any, **options: Any) -> SegueSession:  # type: ignore[misc]
        if cls is not AsSQLiteSession:
            return object.__new__(cls)
        session_id, options = _translated(*arguments, **options)
        return SegueSession(session_id, **options)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        session_id, options = _translated(*arguments, **options)
        super().__init__(session_id, **options)


def _translated(
    session_id: str,
    db_path: object = ":memory:",
    sessions_table: str = "agent_sessions",
    messages_table: str = "agent_messages",
    **options: Any,
) -> tuple[str, dict[str, Any]]:
    place = f"{os.getpid()}-{next(_numbers)}" if str(db_path) == ":memory:" else str(db_path)
    return session_id, {**options, "namespace": f"{place} {sessions_table} {messages_table}"}


for module in (agents, agents.memory, agents.memory.sqlite_session):
    module.SQLiteSession = AsSQLiteSession
