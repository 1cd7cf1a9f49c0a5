"""Sessions as a whole: what `session.export` returns and what `session.import` takes and returns."""

from msgspec import Struct

from segue.models import Memory, Message, Session, Summary


class SessionExport(Struct, kw_only=True):
    """A page of everything that a session holds."""

    session: Session
    messages: list[Message]
    summaries: list[Summary]
    memories: list[Memory]
    next_cursor: str | None
