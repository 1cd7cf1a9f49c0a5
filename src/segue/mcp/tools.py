"""The tools that a model may call."""

from typing import Annotated, Any

from msgspec import Meta, UnsetType

from segue.mcp.places import moment, physical, project_root, stored_session
from segue.mcp.results import (
    Forgotten,
    Found,
    HistoryMessage,
    Memories,
    MemoryRow,
    Remembered,
    Sessions,
    Transcript,
    hit_row,
    session_row,
)
from segue.mcp.text import (
    RESERVED_TOKENS,
    RESULT_TOKENS,
    clean,
    cut,
    first_tokens,
    fitting,
    fitting_around,
    message_marks,
    message_text,
    size,
)
from segue.mcp.tool import Session, Tool, ToolError
from segue.models import Category, Importance, Memory, Message
from segue.results import Deleted, MemoryPage, MessagePage, SearchPage, SessionPage

MARKS = ["**", "**"]
NATIVE = "native"
"""The source of sessions that are not imported. An empty text would not do, because models fill arguments with it."""

MEMORY_ROWS = 100
FACT_TOKENS = 500
"""Tokens of a fact. A program may store one of any length."""

MESSAGE_SHARE = 4
"""Count: a message among others may have this part of the answer."""

Directory = Annotated[str, Meta(min_length=1, description="Only sessions of this directory. An absolute path.")]
Project = Annotated[str, Meta(min_length=1, description="Only sessions of this project: the root of its repository.")]
SourceTool = Annotated[
    str,
    Meta(min_length=1, description="Only sessions imported from this tool, such as claude; native: recorded by segue."),
]
Since = Annotated[str, Meta(min_length=1, description="Only after this: an age such as 7d, or a date as 2026-11-21.")]
HitLimit = Annotated[int, Meta(ge=1, le=50, description="Number of messages.")]
RowLimit = Annotated[int, Meta(ge=1, le=200, description="Number of rows.")]
Offset = Annotated[int, Meta(ge=0, le=1_000_000_000, description="Rows to leave out: next_offset of the last call.")]
SessionName = Annotated[str, Meta(min_length=1, description="ID of a session, the start or end of one, or its name.")]
Around = Annotated[int, Meta(ge=0, le=2**63 - 1, description="ID of the message in the middle, as search_history has.")]
AfterId = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Read on after this message; 0 reads from the start.")]
Skipped = Annotated[
    int, Meta(ge=0, le=1_000_000_000, description="With limit=1: characters of the message to leave out.")
]
Query = Annotated[str, Meta(min_length=1, max_length=10_000, description="Words to search for.")]
Fact = Annotated[
    str, Meta(min_length=1, max_length=20_000, description="One fact, in a sentence that needs no context.")
]
FactCategory = Annotated[Category, Meta(description="Kind of the fact.")]
FactImportance = Annotated[Importance, Meta(description="1 (minor) to 5 (always relevant).")]
MemoryId = Annotated[int, Meta(ge=0, le=2**63 - 1, description="ID of a memory, from recall.")]


def search_history(
    session: Session,
    *,
    query: Query,
    directory: Directory | None = None,
    project: Project | None = None,
    source: SourceTool | None = None,
    since: Since | None = None,
    limit: HitLimit = 10,
) -> Found:
    """Search all past conversations of the user, with any AI tool on this machine.

    Messages that contain all words come first; if there are none, those that contain some of them. Use rare words,
    such as names, paths or error texts. "quoted words" are a phrase. Then call read_session with a hit's session_id,
    and around=message_id, to see what was said there.
    """
    filters = {
        "working_dir": physical(directory),
        "project": project_root(project),
        "source": _source(source),
        "since": moment(since),
    }
    match = "words"
    page = _search(session, query, match, limit, filters)
    if not page.hits and not page.sessions:
        match = "any"
        page = _search(session, query, match, limit, filters)
    sessions = fitting([session_row(found) for found in page.sessions[:limit]], session.tokens // 4)
    hits = [hit_row(hit) for hit in page.hits]
    shown = fitting(hits, session.tokens - RESERVED_TOKENS - size(sessions))
    note = _search_note(match, len(shown), page, filtered=any(value is not None for value in filters.values()))
    return Found(match=match, hits=shown, sessions=sessions, total=page.total, note=note)


def list_sessions(
    session: Session,
    *,
    directory: Directory | None = None,
    project: Project | None = None,
    source: SourceTool | None = None,
    since: Since | None = None,
    limit: RowLimit = 20,
    offset: Offset = 0,
) -> Sessions:
    """List the user's conversations, newest first, with the beginning of each."""
    page = session.daemon.call(
        "session.list",
        SessionPage,
        working_dir=physical(directory),
        project=project_root(project),
        source=_source(source),
        limit=limit,
        offset=offset,
    )
    after = moment(since)
    recent = [found for found in page.sessions if after is None or found.last_message_at > after]
    shown = fitting([session_row(found) for found in recent], session.tokens - RESERVED_TOKENS)
    following = offset + len(shown)
    ended = following >= page.total or (len(shown) == len(recent) < len(page.sessions))
    note = f"{len(shown)} sessions." if ended else f"{len(shown)} sessions; offset={following} continues the list."
    return Sessions(sessions=shown, next_offset=None if ended else following, note=note)


def read_session(
    session: Session,
    *,
    session_id: SessionName,
    around: Around | None = None,
    after_id: AfterId | None = None,
    limit: RowLimit = 30,
    offset: Skipped = 0,
) -> Transcript:
    """Read messages of a conversation: the newest ones, those around a message, or those after one.

    Long calls and results of tools are cut. around=ID with limit=1 shows all of one message, and offset reads on in it.
    """
    if around is not None and after_id is not None:
        raise ToolError("give around or after_id, not both")
    if offset and (limit != 1 or around is None):
        raise ToolError("offset needs around=ID and limit=1")
    stored = stored_session(session, session_id)
    newest = around is None and after_id is None
    page = session.daemon.call(
        "message.list",
        MessagePage,
        session_id=stored.id,
        around_id=around,
        after_id=after_id,
        limit=limit,
        order="desc" if newest else "asc",
    )
    messages = page.messages[::-1] if newest else page.messages
    row = session_row(stored)
    tokens = session.tokens - RESERVED_TOKENS - size(row)
    rows = [_history_row(message, tokens, offset, whole=limit == 1) for message in messages]
    places = {message.message_id: place for place, message in enumerate(rows)}
    middle = places.get(around or 0, len(rows) - 1 if newest else 0)
    shown = fitting_around(rows, tokens, lambda message: abs(places[message.message_id] - middle))
    total = stored.message_count if isinstance(page.total, UnsetType) else page.total
    first = _position(page, newest=newest) + places[shown[0].message_id] if shown else 0
    return Transcript(session=row, messages=shown, first=first, total=total, note=_read_note(shown, first, total))


def recall(session: Session, *, query: Query | None = None, category: FactCategory | None = None) -> Memories:
    """Return facts to remember about the user and their work: those that contain all words of the query, or all."""
    page = session.daemon.call("memory.list", MemoryPage, query=query, category=category, limit=MEMORY_ROWS)
    unmatched = bool(query) and not page.memories
    if unmatched:
        page = session.daemon.call("memory.list", MemoryPage, category=category, limit=MEMORY_ROWS)
    shown = fitting([_memory_row(memory) for memory in page.memories], session.tokens - RESERVED_TOKENS)
    note = f"{len(shown)} of {page.total} memories."
    if unmatched:
        note = f"No memory contains all words of the query. {len(shown)} of all {page.total} memories are listed."
    return Memories(memories=shown, total=page.total, note=note)


def remember(
    session: Session, *, fact: Fact, category: FactCategory = "fact", importance: FactImportance = 3
) -> Remembered:
    """Store a fact that later conversations should know, when the user asks for it or states a lasting preference.

    The same fact is stored once. To correct a fact, forget the old one.
    """
    memory = session.daemon.call("memory.save", Memory, fact=fact, category=category, importance=importance)
    return Remembered(memory=_memory_row(memory), known=memory.duplicate is True)


def forget(session: Session, *, memory_id: MemoryId) -> Forgotten:
    """Delete a memory for good, when the user asks for it or the fact is wrong."""
    memory = session.daemon.call("memory.get", Memory, memory_id=memory_id)
    session.daemon.call("memory.delete", Deleted, memory_id=memory_id)
    return Forgotten(memory_id=memory_id, fact=_memory_row(memory).fact)


def _source(source: str | None) -> str | None:
    """Return the filter of the daemon, for which an empty text means sessions that are not imported."""
    return "" if source == NATIVE else source


def _search(session: Session, query: str, match: str, limit: int, filters: dict[str, Any]) -> SearchPage:
    return session.daemon.call(
        "message.search", SearchPage, query=query, match=match, limit=limit, marks=MARKS, **filters
    )


def _search_note(match: str, shown: int, page: SearchPage, *, filtered: bool) -> str:
    if not shown and not page.sessions:
        widen = "leave out the filters, or " if filtered else ""
        return f"Nothing found, not even single words; {widen}use other words."
    note = "No message contains all words; these contain some of them. " if match == "any" else ""
    if page.total is None:
        return f"{note}{shown} messages."
    more = " Use more words or a higher limit to see others." if shown < page.total else ""
    return f"{note}{shown} of {page.total} messages.{more}"


def _history_row(message: Message, tokens: int, offset: int, *, whole: bool) -> HistoryMessage:
    """Return a message that has at most its share of the answer. `whole` keeps long calls and results."""
    read_on = f"read_session with around={message.id}, limit=1"
    if whole:
        text = message_text(message, None)[offset:]
        kept = first_tokens(text, tokens - RESERVED_TOKENS)
        shown = cut(text, tokens - RESERVED_TOKENS, f"{read_on}, offset={offset + len(kept)} reads on")
    else:
        text = message_text(message, RESULT_TOKENS)
        shown = cut(text, tokens // MESSAGE_SHARE, f"{read_on} shows all")
    return HistoryMessage(
        message_id=message.id,
        role=message.role,
        at=message.created_at,
        text=shown,
        marks=message_marks(message),
        cut=f"characters cut; {read_on}" in shown,
    )


def _position(page: MessagePage, *, newest: bool) -> int:
    """Return the position of the first message of the page in its session, counted from 1."""
    first = page.first_index if isinstance(page.first_index, int) else 0
    return first + 1 - (len(page.messages) - 1 if newest else 0)


def _read_note(shown: list[HistoryMessage], first: int, total: int) -> str:
    if not shown:
        return f"No messages here; the session has {total}."
    last = first + len(shown) - 1
    note = f"Messages {first} to {last} of {total}."
    if first > 1:
        note += f" around={shown[0].message_id} shows earlier ones; after_id=0 reads from the start."
    if last < total:
        note += f" after_id={shown[-1].message_id} reads on."
    return note


def _memory_row(memory: Memory) -> MemoryRow:
    return MemoryRow(
        memory_id=memory.id,
        fact=cut(clean(memory.fact), FACT_TOKENS),
        category=memory.category,
        importance=memory.importance,
        at=memory.created_at,
    )


TOOLS = {
    tool.name: tool
    for tool in (
        Tool("search_history", "Search past conversations", search_history),
        Tool("list_sessions", "List conversations", list_sessions),
        Tool("read_session", "Read a conversation", read_session),
        Tool("recall", "Recall memories", recall),
        Tool("remember", "Remember a fact", remember, read_only=False),
        Tool("forget", "Forget a memory", forget, read_only=False, destructive=True),
    )
}
