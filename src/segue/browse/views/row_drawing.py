"""The rows of the list: what they are, and their lines."""

import re
from collections.abc import Callable
from typing import NamedTuple

from rich.segment import Segment

from segue.browse.data.sessions import Entry
from segue.browse.views import text as texts
from segue.browse.views.theme import Palette
from segue.browse.views.times import age_of
from segue.results import SearchHit
from segue.timestamps import milliseconds

MATCH = re.compile("\ue000([^\ue001]*)\ue001")
"""A match in a snippet, between the marks of the daemon."""

SHORT_MODEL = re.compile(r"^claude-|-\d{8}$")
"""The parts left out of a model's name: its maker, which the rest implies, and the date of the version."""

SNIPPET_START = 24
"""Characters before the first match of a snippet; a narrow row would not show the match otherwise."""


class Heading(NamedTuple):
    """The heading of a group. A folded one hides its rows."""

    key: str
    title: str
    size: int | None
    folded: bool = False


class SessionRow(NamedTuple):
    """A session."""

    entry: Entry


class HitRow(NamedTuple):
    """A message that was found."""

    hit: SearchHit


class HitSession(NamedTuple):
    """The session of the hits below."""

    session_id: str
    title: str
    size: int


class Note(NamedTuple):
    """A line of text. It can be chosen if it has a query, which is searched for, or shows all names."""

    text: str
    query: str = ""
    shows_names: bool = False

    @property
    def can_be_chosen(self) -> bool:
        """Return True if Enter does something."""
        return bool(self.query) or self.shows_names


Row = Heading | SessionRow | HitRow | HitSession | Note


def key_of(row: Row) -> tuple[str, object]:
    """Return what identifies a row after the list was filled again."""
    if isinstance(row, SessionRow):
        return "session", row.entry.id
    if isinstance(row, HitRow):
        return "hit", row.hit.message_id
    return type(row).__name__, row[0]


class RowPainter:
    """The painter of a row in a number of cells."""

    def __init__(self, palette: Palette, columns: int, *, dense: bool) -> None:
        self.palette, self.columns, self.dense = palette, columns, dense

    def lines(self, row: Row) -> list[list[Segment]]:
        """Return the lines of a row."""
        drawings: dict[type, Callable[..., list[list[Segment]]]] = {
            Heading: self._heading, SessionRow: self._session, HitRow: self._hit, HitSession: self._hit_session,
            Note: self._note,
        }  # fmt: skip
        return drawings[type(row)](row)

    def _heading(self, row: Heading) -> list[list[Segment]]:
        palette = self.palette
        count = "" if row.size is None else f" {row.size:,}".replace(",", " ")
        title = texts.cut(texts.line(row.title), self.columns - texts.width(count) - 6, palette.signs.ellipsis)
        sign = f"{palette.signs.closed} " if row.folded else ""
        rule = self.columns - texts.width(title) - len(sign) - texts.width(count) - 3
        return [[
            Segment(f" {sign}{title} ", palette.bright), Segment(palette.signs.rule * max(0, rule), palette.line),
            Segment(count, palette.dim),
        ]]  # fmt: skip

    def _session(self, row: SessionRow) -> list[list[Segment]]:
        entry, palette, signs = row.entry, self.palette, self.palette.signs
        mark, style = " ", palette.dim
        for holds, sign, color in (
            (entry.is_streaming, signs.streaming, palette.you), (entry.pinned, signs.pinned, palette.accent),
            (entry.status == "crashed", signs.crashed, palette.error), (entry.archived, signs.archived, palette.dim),
            (entry.status == "completed", signs.ended, palette.dim),
        ):  # fmt: skip
            if holds:
                mark, style = sign, color
                break
        age = age_of(entry.last_ms)
        room = self.columns - 4 - texts.width(age) - 1
        title = texts.fill(texts.cut(texts.line(entry.title), room, signs.ellipsis), room)
        first = [Segment(f" {mark} ", style), Segment(f"{title} ", palette.text), Segment(age, palette.dim)]
        if self.dense:
            return [first]
        facts = "  ".join(_facts(entry))
        tags = " ".join(f"#{tag}" for tag in entry.tags)
        for longer, shorter in ((" messages", " msgs"), (" msgs", "")):
            if texts.width(facts) > self.columns - 4:
                facts = facts.replace(longer, shorter)
        facts = texts.cut(texts.line(facts), self.columns - 4, signs.ellipsis)
        left = self.columns - 6 - texts.width(facts)
        tags = texts.cut(texts.line(tags), left, signs.ellipsis) if left > 3 else ""
        return [first, [Segment(f"   {facts}", palette.dim), Segment(f"  {tags}" if tags else "", palette.tool)]]

    def _hit_session(self, row: HitSession) -> list[list[Segment]]:
        count = str(row.size)
        title = texts.cut(texts.line(row.title), self.columns - len(count) - 4, self.palette.signs.ellipsis)
        filled = texts.fill(title, self.columns - len(count) - 3)
        return [[Segment(f" {filled} ", self.palette.bright), Segment(count, self.palette.dim)]]

    def _hit(self, row: HitRow) -> list[list[Segment]]:
        hit, palette = row.hit, self.palette
        name, style = {"user": ("You", palette.you), "assistant": ("AI ", palette.accent)}.get(
            hit.role, (hit.role[:4], palette.tool)
        )
        age = age_of(milliseconds(hit.created_at))
        room = self.columns - texts.width(name) - texts.width(age) - 6
        line = [Segment(f"   {name} ", style)]
        for text, is_match in _snippet(hit.snippet, palette.signs.ellipsis):
            piece = texts.cut(text, room, palette.signs.ellipsis)
            line.append(Segment(piece, palette.match if is_match else palette.text))
            room -= texts.width(piece)
            if piece != text:
                break
        return [[*line, Segment(" " * max(1, room + 1)), Segment(age, palette.dim)]]

    def _note(self, row: Note) -> list[list[Segment]]:
        text = texts.cut(texts.line(row.text), self.columns - 4, self.palette.signs.ellipsis)
        return [[Segment(f"   {text}", self.palette.accent if row.can_be_chosen else self.palette.dim)]]


def _facts(entry: Entry) -> list[str]:
    count = f"{entry.message_count:,}".replace(",", " ")
    facts = [entry.source.tool] if entry.source is not None else []
    facts += [SHORT_MODEL.sub("", entry.model)] if entry.model else []
    facts.append(f"{count} message{'' if entry.message_count == 1 else 's'}")
    return [*facts, *(["streaming"] if entry.is_streaming else [])]


def _snippet(snippet: str, ellipsis: str) -> list[tuple[str, bool]]:
    """Return the pieces of a snippet, from a little before the first match, each with whether it is a match."""
    whole = " ".join(snippet.split())
    first = whole.find("\ue000")
    if first > SNIPPET_START:
        whole = ellipsis + whole[first - SNIPPET_START :].partition(" ")[2]
    pieces = []
    for at, piece in enumerate(MATCH.split(whole)):
        if piece:
            pieces.append((texts.line(piece), at % 2 == 1))
    return pieces
