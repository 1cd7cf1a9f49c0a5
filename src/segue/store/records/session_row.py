"""The columns of a session, defined once: how rows are read and converted."""

from typing import Any

from segue.models import Session, SessionSummary
from segue.store.engine.rows import decode

_SOURCE = ("source_tool", "source_id", "source_path")

COLUMNS = tuple(name for name in Session.__struct_fields__ if name not in ("source", "machine"))
"""The columns of the table `sessions` that clients see, without the origin. They have the names of the members."""

SUMMARY_COLUMNS = tuple(
    name for name in SessionSummary.__struct_fields__ if name not in ("source", "preview", "metadata", "machine")
)

SYSTEM_PROMPT = """
    coalesce(
        (SELECT long.system_prompt FROM session_prompts AS long WHERE long.session_id = sessions.id), system_prompt
    )
"""
"""SQL: the system prompt of a session. Triggers keep a long one apart, because an append rewrites the session's row."""

SELECT = f"""
    SELECT {", ".join(SYSTEM_PROMPT if name == "system_prompt" else name for name in (*COLUMNS, *_SOURCE))}
    FROM sessions
"""
SELECT_SUMMARY = f"SELECT {', '.join((*SUMMARY_COLUMNS, *_SOURCE))}"
"""The beginning of a query for summaries. The caller appends the preview and, if it is requested, the metadata."""


def to_session(row: tuple[Any, ...]) -> Session:
    """Convert a row of SELECT to a session.

    Raises:
        InvalidData: the row cannot be decoded.
    """
    return decode(Session, "session", (*COLUMNS, "source"), _join_source(row, len(COLUMNS)))


def to_summary(row: tuple[Any, ...], preview: str | None) -> SessionSummary:
    """Convert a row of SELECT_SUMMARY, and the metadata if it follows, to a summary.

    Raises:
        InvalidData: the row cannot be decoded.
    """
    count = len(SUMMARY_COLUMNS)
    names = (*SUMMARY_COLUMNS, "source", "metadata", "preview")
    if len(row) == count + len(_SOURCE):
        names = (*SUMMARY_COLUMNS, "source", "preview")
    return decode(SessionSummary, "session", names, (*_join_source(row, count), preview))


def _join_source(row: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """Replace the three columns of the origin by the object that the wire has."""
    tool, id, path = row[count : count + 3]
    source = None if tool is None else {"tool": tool, "id": id, "path": path}
    return (*row[:count], source, *row[count + 3 :])
