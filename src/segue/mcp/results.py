"""The results of the tools. Each type gives the output schema; its text form is in `render`."""

from msgspec import Struct

from segue.mcp.text import NOTICE, clean, cut
from segue.models import Category, Role, Session, SessionSummary
from segue.results import SearchHit

PREVIEW_TOKENS = 60
FIELD_TOKENS = 100
"""Tokens of a name or a path. Longer ones are rare, and would fill the answer."""


class SessionRow(Struct, kw_only=True):
    """A session. `tool` is the program that it was imported from."""

    session_id: str
    name: str | None
    directory: str | None
    project: str | None
    tool: str | None
    status: str
    last_message_at: str
    messages: int
    preview: str | None


class Hit(Struct, kw_only=True):
    """A message that was found. In the snippet, `**` is before and after each word that was found."""

    session_id: str
    message_id: int
    session_name: str | None
    directory: str | None
    role: Role
    at: str
    snippet: str


class HistoryMessage(Struct, kw_only=True):
    """A message. `marks` are words such as summary, interrupted or image; `cut` is true if text is missing."""

    message_id: int
    role: Role
    at: str
    text: str
    marks: list[str]
    cut: bool


class MemoryRow(Struct, kw_only=True):
    """A fact to remember. 5 is the highest importance."""

    memory_id: int
    fact: str
    category: Category
    importance: int
    at: str


class Found(Struct, kw_only=True):
    """Messages that were found, best first, and sessions whose name or summary has all words."""

    notice: str = NOTICE
    match: str
    hits: list[Hit]
    sessions: list[SessionRow]
    total: int | None
    note: str


class Sessions(Struct, kw_only=True):
    """Sessions, newest first. `next_offset` continues the list."""

    notice: str = NOTICE
    sessions: list[SessionRow]
    next_offset: int | None
    note: str


class Transcript(Struct, kw_only=True):
    """Messages of a session in their order. `first` is the position of the first one, counted from 1."""

    notice: str = NOTICE
    session: SessionRow
    messages: list[HistoryMessage]
    first: int
    total: int
    note: str


class Memories(Struct, kw_only=True):
    """Facts to remember, the most important first."""

    notice: str = NOTICE
    memories: list[MemoryRow]
    total: int
    note: str


class Remembered(Struct, kw_only=True):
    """A stored fact. `known` is true if it was stored before."""

    memory: MemoryRow
    known: bool


class Forgotten(Struct, kw_only=True):
    """A deleted fact."""

    memory_id: int
    fact: str


def session_row(session: SessionSummary | Session) -> SessionRow:
    """Return what a model needs of a session."""
    begins = session.preview if isinstance(session, SessionSummary) else None
    preview = None if begins is None else cut(_line(begins), PREVIEW_TOKENS)
    return SessionRow(
        session_id=session.id,
        name=_optional(session.name),
        directory=_optional(session.working_dir),
        project=_optional(session.project),
        tool=session.source.tool if session.source else None,
        status=session.status,
        last_message_at=session.last_message_at,
        messages=session.message_count,
        preview=preview,
    )


def hit_row(hit: SearchHit) -> Hit:
    """Return what a model needs of a search hit."""
    return Hit(
        session_id=hit.session_id,
        message_id=hit.message_id,
        session_name=_optional(hit.session_name),
        directory=_optional(hit.working_dir),
        role=hit.role,
        at=hit.created_at,
        snippet=clean(hit.snippet),
    )


def _optional(text: str | None) -> str | None:
    return None if text is None else cut(clean(text), FIELD_TOKENS)


def _line(text: str) -> str:
    return " ".join(clean(text).split())
