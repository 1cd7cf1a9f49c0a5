"""The list: sessions in groups, or the hits of a search. Only the visible rows are drawn."""

import re
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip

from segue.browse.data.sessions import Entry
from segue.browse.views import text as texts
from segue.browse.views.lines import Lines, strip
from segue.browse.views.theme import Palette
from segue.results import SearchHit
from segue.timestamps import milliseconds

MATCH = re.compile("\ue000([^\ue001]*)\ue001")
"""A match in a snippet, between the marks of the daemon."""

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
    """A line of text, or a suggestion that is searched for when it is chosen."""

    text: str
    query: str = ""


Row = Heading | SessionRow | HitRow | HitSession | Note


def key_of(row: Row) -> tuple[str, object]:
    """Return what identifies a row after the list was filled again."""
    if isinstance(row, SessionRow):
        return "session", row.entry.id
    if isinstance(row, HitRow):
        return "hit", row.hit.message_id
    return type(row).__name__, row[0]


class Rows(Lines):
    """The pane of the list."""

    class Moved(Message):
        """The cursor is on another row."""

    class Chosen(Message):
        """A row was chosen with the pointer."""

    def __init__(self, palette: Palette, **options: Any) -> None:
        super().__init__(palette, **options)
        self.rows: Sequence[Row] = ()
        self.dense = False
        self.cursor = 0
        self.first_line = 0
        self._ends: list[int] = []

    @property
    def current(self) -> Row | None:
        """Return the row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def fill(self, rows: Sequence[Row], *, select: tuple[str, object] | None = None) -> None:
        """Show other rows. The cursor stays on its row, or goes to the one that `select` names."""
        wanted = select or (key_of(self.current) if self.current is not None else None)
        offset = self._top(self.cursor) - self.first_line if self.rows and select is None else 0
        self.rows = rows
        self._ends = [*accumulate(map(self._height, rows))]
        found = next((at for at, row in enumerate(rows) if key_of(row) == wanted), None)
        if found is None:
            found = self._selectable(min(self.cursor, len(rows) - 1) if select is None else 0, 1)
        self.cursor = found
        self.first_line = max(0, self._top(self.cursor) - offset)
        self.reveal()

    def set_dense(self, *, dense: bool) -> None:
        """Show one line for each session, or two."""
        self.dense = dense
        self.fill(self.rows)

    def settle(self) -> None:
        """Draw the visible rows."""
        height = self.size.height
        total = self._ends[-1] if self._ends else 0
        self.first_line = max(0, min(self.first_line, total - height))
        view: list[Strip] = []
        at = bisect_right(self._ends, self.first_line)
        skipped = self.first_line - self._top(at)
        while len(view) < height and at < len(self.rows):
            view += self._draw(at)[skipped:]
            skipped = 0
            at += 1
        self.view = view[:height]
        self.refresh()

    def extent(self) -> tuple[int, int, int]:
        """Return the first visible line, and the numbers of visible and of all lines."""
        return self.first_line, self.size.height, self._ends[-1] if self._ends else 0

    def scroll_lines(self, count: int) -> None:
        """Scroll without moving the cursor."""
        self.first_line += count
        self.settle()

    def jump(self, fraction: float) -> None:
        """Scroll to a part of the whole."""
        self.first_line = round(fraction * max(0, self.extent()[2] - self.size.height))
        self.settle()

    def move(self, count: int) -> None:
        """Move the cursor by rows."""
        self.select(self._selectable(max(0, min(self.cursor + count, len(self.rows) - 1)), 1 if count > 0 else -1))

    def page(self, direction: float) -> None:
        """Move the cursor by a part of the height."""
        line = self._top(self.cursor) + round(direction * max(1, self.size.height - 2))
        at = bisect_right(self._ends, max(0, line))
        self.select(self._selectable(min(at, len(self.rows) - 1), 1 if direction > 0 else -1))

    def select(self, at: int) -> None:
        """Put the cursor on a row."""
        if at != self.cursor:
            self.cursor = at
            self.post_message(self.Moved())
        self.reveal()

    def end(self, direction: int) -> None:
        """Move the cursor to the first or the last row."""
        self.select(self._selectable(len(self.rows) - 1 if direction > 0 else 0, -direction))

    def reveal(self) -> None:
        """Scroll as little as needed to show the row under the cursor, with its heading."""
        if not self.rows:
            return self.settle()
        top, end = self._top(self.cursor), self._ends[self.cursor]
        if self.cursor and isinstance(self.rows[self.cursor - 1], Heading | HitSession):
            top -= 1
        if top < self.first_line:
            self.first_line = top
        elif end > self.first_line + self.size.height:
            self.first_line = end - self.size.height
        return self.settle()

    def press(self, y: int, *, dragged: bool) -> None:
        """Put the cursor on the clicked row; a click on the row under the cursor chooses it."""
        at = bisect_right(self._ends, self.first_line + y)
        if dragged or at >= len(self.rows):
            return
        if at == self.cursor:
            self.post_message(self.Chosen())
        elif self._is_selectable(self.rows[at]):
            self.select(at)

    def on_focus(self) -> None:
        """Show the cursor."""
        self.settle()

    def on_blur(self) -> None:
        """Show the cursor as that of another pane."""
        self.settle()

    def _height(self, row: Row) -> int:
        return 2 if isinstance(row, SessionRow) and not self.dense else 1

    def _top(self, at: int) -> int:
        return self._ends[at - 1] if 0 < at <= len(self._ends) else 0

    def _selectable(self, at: int, direction: int) -> int:
        """Return the next row from `at` on that the cursor can be on; else the next in the other direction."""
        for step in (direction, -direction):
            one = at
            while 0 <= one < len(self.rows):
                if self._is_selectable(self.rows[one]):
                    return one
                one += step
        return 0

    @staticmethod
    def _is_selectable(row: Row) -> bool:
        if isinstance(row, Heading):
            return row.folded
        return isinstance(row, SessionRow | HitRow) or (isinstance(row, Note) and bool(row.query))

    def _draw(self, at: int) -> list[Strip]:
        row = self.rows[at]
        base, cells = self.palette.base, self.columns
        drawings: dict[type, Callable[..., list[list[Segment]]]] = {
            Heading: self._heading, SessionRow: self._session, HitRow: self._hit, HitSession: self._hit_session,
            Note: self._note,
        }  # fmt: skip
        lines = drawings[type(row)](row)
        if at != self.cursor or not self._is_selectable(row):
            return [strip(line, base, cells) for line in lines]
        base += self.palette.selected
        if self.has_focus:
            sign = Segment(self.palette.signs.cursor, self.palette.accent)
            lines = [[sign, *_without_first_cell(line)] for line in lines]
        if self.palette.is_ansi:  # Colors on a reversed line may be hard to read
            lines = [[Segment(segment.text, Style(bold=self.has_focus)) for segment in line] for line in lines]
        return [strip(line, base, cells) for line in lines]

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
        facts = texts.cut(texts.line(facts), self.columns - 4, signs.ellipsis)
        left = self.columns - 6 - texts.width(facts)
        tags = texts.cut(texts.line(tags), left, signs.ellipsis) if left > 3 else ""
        return [first, [Segment(f"   {facts}", palette.dim), Segment(f"  {tags}", palette.tool)]]

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
        for text, is_match in _snippet(hit.snippet):
            piece = texts.cut(text, room, palette.signs.ellipsis)
            line.append(Segment(piece, palette.match if is_match else palette.text))
            room -= texts.width(piece)
            if piece != text:
                break
        return [[*line, Segment(" " * max(1, room + 1)), Segment(age, palette.dim)]]

    def _note(self, row: Note) -> list[list[Segment]]:
        text = texts.cut(texts.line(row.text), self.columns - 2, self.palette.signs.ellipsis)
        return [[Segment(f"   {text}", self.palette.accent if row.query else self.palette.dim)]]


def age_of(moment_ms: int) -> str:
    """Return how long ago a moment was, such as `now`, `3m`, `2h`, `5d` or `7w`."""
    seconds = max(0, int(time.time()) - moment_ms // 1000)
    for size, unit in ((604_800 * 9, ""), (604_800 * 2, "w"), (86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}" if unit else time.strftime("%b %y", time.localtime(moment_ms / 1000))
    return "now"


def _facts(entry: Entry) -> list[str]:
    count = f"{entry.message_count:,}".replace(",", " ")
    facts = [entry.source.tool] if entry.source is not None else []
    facts += [entry.model] if entry.model else []
    facts.append(f"{count} message{'' if entry.message_count == 1 else 's'}")
    return [*facts, *(["streaming…"] if entry.is_streaming else [])]


def _snippet(snippet: str) -> list[tuple[str, bool]]:
    """Return the pieces of a snippet, from a little before the first match, each with whether it is a match."""
    whole = " ".join(snippet.split())
    first = whole.find("\ue000")
    if first > SNIPPET_START:
        whole = "…" + whole[first - SNIPPET_START :].partition(" ")[2]
    pieces = []
    for at, piece in enumerate(MATCH.split(whole)):
        if piece:
            pieces.append((texts.line(piece), at % 2 == 1))
    return pieces


def _without_first_cell(line: list[Segment]) -> list[Segment]:
    first, *others = line
    return [Segment(first.text[1:], first.style), *others]
