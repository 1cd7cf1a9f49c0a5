"""Markdown laid out as lines for a terminal.

Textual's and rich's own widgets for Markdown take 3 to 40 times as long, which is too slow for 100 000 messages. The
plan:

1. markdown-it parses the text to a flat list of tokens.
2. A container (quote, list item) adds a prefix: one for its first line, one for the others.
3. Inline tokens become runs of (text, style), which are wrapped at words.
4. Where nothing came out, as with nesting that markdown-it gives up on, the text is shown plain.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment
from rich.style import Style

from segue.browse.views.code import code_lines
from segue.browse.views.table import table_lines
from segue.browse.views.text import width
from segue.browse.views.theme import Palette
from segue.browse.views.wrapping import Line, Run, plain, wrap

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MARKDOWN_CHARS = 32_768
"""Characters: a longer text is shown plain, because some of 35 KB take 150 ms to parse."""


class Layout(NamedTuple):
    """The lines of a text, and its code blocks: the line where each begins, and its source."""

    lines: list[Line]
    blocks: list[tuple[int, str]]


class Prefix:
    """The text before the lines of a container."""

    def __init__(self, first: Segment, others: Segment) -> None:
        self.first, self.others = first, others
        self.used = False
        self.cells = width(others.text)

    def take(self) -> Segment:
        """Return the segment for the next line."""
        segment = self.others if self.used else self.first
        self.used = True
        return segment


def lay_out(text: str, palette: Palette, cells: int, *, wrap_code: bool = True, breaks: bool = False) -> Layout:
    """Return Markdown as lines of at most `cells` cells. With `breaks`, the line ends of the text stay."""
    if len(text) <= MARKDOWN_CHARS:
        writer = Writer(palette, cells, wrap_code=wrap_code, breaks=breaks)
        try:
            writer.write(_parser().parse(text))
        except RecursionError:
            writer.lines.clear()
        if writer.lines:
            return Layout(writer.lines, writer.blocks)
    return Layout(plain(text, cells), [])


class Writer:
    """The state while tokens become lines."""

    def __init__(self, palette: Palette, cells: int, *, wrap_code: bool, breaks: bool) -> None:
        self.palette, self.cells, self.wrap_code = palette, cells, wrap_code
        self.lines: list[Line] = []
        self.blocks: list[tuple[int, str]] = []
        self._break = "\n" if breaks else " "
        self._prefixes: list[Prefix] = []
        self._numbers: list[int | None] = []
        self._style: Style | None = None

    def write(self, parsed: "Sequence[Token]") -> None:
        """Lay out the tokens."""
        table: list[Token] | None = None
        for token in parsed:
            if token.type == "table_open":
                table = []
            elif token.type == "table_close":
                self._add_table(table or [])
                table = None
            elif table is not None:
                table.append(token)
            elif handler := HANDLERS.get(token.type):
                handler(self, token)

    def _emit(self, line: Line) -> None:
        self.lines.append([*(prefix.take() for prefix in self._prefixes), *line])

    def _gap(self) -> None:
        """Add an empty line between two blocks, but not at the start of a container."""
        if self.lines and (not self._prefixes or self._prefixes[-1].used):
            self._emit([])

    @property
    def _room(self) -> int:
        return max(4, self.cells - sum(prefix.cells for prefix in self._prefixes))

    def _paragraph(self, token: "Token") -> None:
        if not token.hidden:
            self._gap()

    def _heading(self, token: "Token") -> None:
        self._gap()
        self._style = self.palette.accent + Style(bold=True, underline=token.tag == "h1" and self.palette.is_ansi)

    def _end_heading(self, _token: "Token") -> None:
        self._style = None

    def _inline(self, token: "Token") -> None:
        for line in wrap([*self._runs(token)], self._room):
            self._emit(line)

    def _fence(self, token: "Token") -> None:
        self._gap()
        if not token.content.strip():  # What was typed, because a message must not look empty
            for line in plain(f"{token.markup}{token.info}", self._room):
                self._emit(line)
            return
        self.blocks.append((len(self.lines), token.content))
        for line in code_lines(token.content, token.info, self.palette, self._room, wrap_code=self.wrap_code):
            self._emit(line)

    def _html(self, token: "Token") -> None:
        self._gap()
        for line in plain(token.content.rstrip("\n"), self._room, self.palette.dim):
            self._emit(line)

    def _rule(self, _token: "Token") -> None:
        self._gap()
        self._emit([Segment(self.palette.signs.rule * min(self._room, 40), self.palette.line)])

    def _quote(self, _token: "Token") -> None:
        self._gap()
        bar = Segment(f"{self.palette.signs.bar} ", self.palette.line)
        self._prefixes.append(Prefix(bar, bar))

    def _list(self, token: "Token") -> None:
        if not self._numbers:
            self._gap()
        self._numbers.append(int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else None)

    def _end_list(self, _token: "Token") -> None:
        self._numbers.pop()

    def _item(self, _token: "Token") -> None:
        number = self._numbers[-1]
        bullet = (self.palette.signs.bullet if len(self._numbers) == 1 else "-") if number is None else f"{number}."
        if number is not None:
            self._numbers[-1] = number + 1
        self._prefixes.append(Prefix(Segment(f"{bullet} ", self.palette.dim), Segment(" " * (width(bullet) + 1))))

    def _end_item(self, _token: "Token") -> None:
        if not self._prefixes[-1].used:  # An empty item still has its bullet
            self._emit([])
        self._prefixes.pop()

    def _end_quote(self, _token: "Token") -> None:
        self._prefixes.pop()

    def _runs(self, token: "Token") -> Iterator[Run]:
        """Yield the runs of an inline token."""
        styles: list[Style | None] = [self._style]
        links: list[str] = []
        for child in token.children or ():
            style = styles[-1]
            if child.type in ("strong_open", "em_open", "s_open"):
                added = {"strong_open": Style(bold=True), "em_open": Style(italic=True), "s_open": Style(strike=True)}
                styles.append((style or Style()) + added[child.type])
            elif child.type == "link_open":
                links.append(str(child.attrGet("href") or ""))
                styles.append((style or Style()) + self.palette.accent + Style(underline=True))
            elif child.type == "link_close":
                styles.pop()
                yield from self._address(links.pop(), token.content)
            elif child.type.endswith("_close"):
                styles.pop()
            elif child.type == "code_inline":
                yield child.content, (style or Style()) + self.palette.tool + self.palette.code
            elif child.type == "softbreak":
                yield self._break, None
            elif child.type == "hardbreak":
                yield "\n", None
            elif child.type == "image":
                yield f"[image: {child.content or child.attrGet('src')}]", self.palette.dim
            else:
                yield child.content, style

    def _address(self, address: str, source: str) -> Iterator[Run]:
        """Yield the target of a link unless it is the text of the link."""
        if address and f"<{address}>" not in source and f"({address}" in source:
            yield f" ({address})", self.palette.dim

    def _add_table(self, parsed: "Sequence[Token]") -> None:
        rows: list[list[list[Run]]] = []
        for token in parsed:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append([*self._runs(token)])
        if lines := table_lines(rows, self.palette, self._room):
            self._gap()
            for line in lines:
                self._emit(line)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # Loads with the first conversation, after the list is on the screen

    return MarkdownIt("commonmark", {"html": False}).enable("table").enable("strikethrough")


HANDLERS: dict[str, "Callable[[Writer, Token], None]"] = {
    "paragraph_open": Writer._paragraph,
    "heading_open": Writer._heading,
    "heading_close": Writer._end_heading,
    "inline": Writer._inline,
    "fence": Writer._fence,
    "code_block": Writer._fence,
    "html_block": Writer._html,
    "hr": Writer._rule,
    "blockquote_open": Writer._quote,
    "blockquote_close": Writer._end_quote,
    "bullet_list_open": Writer._list,
    "ordered_list_open": Writer._list,
    "bullet_list_close": Writer._end_list,
    "ordered_list_close": Writer._end_list,
    "list_item_open": Writer._item,
    "list_item_close": Writer._end_item,
}
"""The handler of each type of token."""
