"""One message as lines: its heading, its text, and each tool call in one line with its outcome."""

import re
from collections.abc import Callable
from itertools import compress
from typing import Any, NamedTuple

from msgspec import UnsetType
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from segue.browse.views import text as texts
from segue.browse.views.lines import strip
from segue.browse.views.markdown import lay_out
from segue.browse.views.pieces import call_summary, first_telling, marked, media_facts
from segue.browse.views.theme import Palette
from segue.browse.views.times import clock
from segue.browse.views.wrapping import Line, plain
from segue.conversation.parts import ToolCall, ToolResult, is_media, tool_calls, tool_results
from segue.models import Message
from segue.workflows.transcript import argument_text

PROSE_CELLS = 96
"""Cells: the longest line of prose. Longer ones are hard to read."""

MARGIN = 2
"""Cells before the text of a message: the bar and a space."""

RESULT_LINES = 200
"""Lines of a tool's result that unfolding shows; Enter shows all."""

DIVIDER_CELLS = 60

THOUGHTS = ("thinking", "reasoning")
"""Types of the parts that hold what a model thought."""

NOTES = {"interrupted": "interrupted", "error": "failed", "length": "cut at the limit"}


class Look(NamedTuple):
    """The current settings for drawing messages."""

    palette: Palette
    cells: int
    wrap_code: bool
    query: re.Pattern[str] | None


class Drawn(NamedTuple):
    """The lines of a message."""

    strips: list[Strip]
    blocks: list[tuple[int, str]]
    """The line where each code block begins, and its source."""
    has_folds: bool


class Place(NamedTuple):
    """The facts about a message's neighbors that its drawing depends on."""

    result_of: Callable[[str], ToolResult | None]
    has_call: Callable[[str], bool]
    follows_tools: bool
    """True if the message before ends with tool calls, so that a run of them stands together."""
    divider: str
    """The text of a divider above the message, such as that of a summary."""


def kind_of(message: Message) -> str:
    """Return what a message is on the screen: you, reply, tools, system, injected or summary."""
    if message.is_summary:
        return "summary"
    if message.metadata.get("injected") is True:
        return "injected"
    has_tools = bool(tool_calls(message.parts) or tool_results(message.parts))
    if message.role == "tool" or (has_tools and not message.content.strip()):
        return "tools"
    return {"user": "you", "assistant": "reply"}.get(message.role, "system")


def draw(message: Message, style: Look, place: Place, *, unfolded: bool) -> Drawn:
    """Return the lines of a message. A result whose call is shown has none."""
    painter = _Painter(message, style, place, unfolded=unfolded)
    painter.paint()
    return Drawn(painter.strips, painter.blocks, painter.has_folds)


class _Painter:
    """The state while a message is drawn."""

    def __init__(self, message: Message, style: Look, place: Place, *, unfolded: bool) -> None:
        self.message, self.style, self.place, self.unfolded = message, style, place, unfolded
        self.palette = style.palette
        self.kind = kind_of(message)
        self.cells = max(8, min(PROSE_CELLS, style.cells - MARGIN - 1))
        self.strips: list[Strip] = []
        self.blocks: list[tuple[int, str]] = []
        self.has_folds = False
        self._lines: list[Line] = []

    def paint(self) -> None:
        """Draw the parts of the message in order."""
        if self.place.divider:
            self._divider(self.place.divider)
        if self.kind == "summary":
            self._divider(f"summary  {clock(self.message.created_at)}")
            self._text(self.palette.dim)
        elif self.kind == "injected":
            self._injected(self.message.content)
        else:
            self._body()
        if self._lines and not (self.kind == "tools" and self.place.follows_tools):
            self._add_strip([])
        for line in self._lines:
            self._add_strip(line)

    def _body(self) -> None:
        parts = self.message.parts or ()
        is_thought = [part.get("type") in THOUGHTS for part in parts]
        if self.kind != "tools":
            self._heading()
            for part in compress(parts, is_thought):
                self._thought(part)  # It came before the text
            self._text()
        for part, thought in zip(parts, is_thought, strict=True):
            if not thought:
                self._part(part)
            elif self.kind == "tools":
                self._thought(part)
        for call in tool_calls(self.message.parts):
            self._call(call)
        for result in tool_results(self.message.parts):
            if not self.place.has_call(result.id):
                self._outcome(Segment("result", self.palette.tool), "", result)
        if self.kind == "tools" and self.message.content.strip() and not tool_results(self.message.parts):
            self._outcome(Segment("tool", self.palette.tool), "", ToolResult("", self.message.content, is_error=False))

    def _heading(self) -> None:
        message, palette = self.message, self.palette
        name, style = {
            "you": ("You", palette.you),
            "reply": (message.model or "assistant", palette.accent),
        }.get(self.kind, (message.role, palette.warn))
        facts = [(clock(message.created_at), palette.dim)]
        facts += [(note, palette.warn) for note in self._notes()]
        if message.state == "streaming":
            facts.append((f"{palette.signs.streaming} streaming", palette.you))
        if tokens := message.output_tokens or message.token_count:
            facts.append((f"{tokens} tok", palette.dim))
        if message.response_ms:
            facts.append((f"{message.response_ms / 1000:.1f} s", palette.dim))
        name = texts.cut(texts.line(name), self.cells, palette.signs.ellipsis)
        line = [Segment(name, style + Style(bold=True))]
        room = self.cells - texts.width(name)
        for text, fact_style in facts:
            room -= texts.width(text) + 2
            if room >= 0:
                line.append(Segment(f"  {text}", fact_style))
        self._lines.append(line)

    def _notes(self) -> list[str]:
        message = self.message
        notes = [NOTES[message.stop_reason]] if message.stop_reason in NOTES else []
        if message.state == "interrupted" and "interrupted" not in notes:
            notes.append("interrupted")
        if message.updated_at is not None and message.state == "complete":
            notes.append(f"edited {clock(message.updated_at)}")
        return notes

    def _text(self, style: Style | None = None) -> None:
        """Add the content. A person's own lines stay as typed, unless they hold a code block."""
        content = texts.block(self.message.content).strip("\n")
        is_markdown = self.kind in ("reply", "summary") or "```" in content
        if content:
            first = len(self._lines)
            if is_markdown:
                breaks = self.kind == "you"
                layout = lay_out(content, self.palette, self.cells, wrap_code=self.style.wrap_code, breaks=breaks)
                self.blocks += [(first + at, source) for at, source in layout.blocks]
                self._lines += layout.lines
            else:
                self._lines += plain(content, self.cells, style)
        if self.message.state == "streaming":
            self._lines[-1] = [*self._lines[-1], Segment(self.palette.signs.cursor, self.palette.you)]
        self._add_cut("content")

    def _add_cut(self, member: str) -> None:
        cut = self.message.cut
        if not isinstance(cut, UnsetType) and member in cut:
            more = cut[member] - len(self.message.content)
            self._lines.append(
                [Segment(f"{more:,} characters more: Enter shows all".replace(",", " "), self.palette.warn)]
            )

    def _part(self, part: dict[str, Any]) -> None:
        kind = part.get("type")
        if is_media(part):
            self._lines.append([Segment(f"[{media_facts(part)}]", self.palette.dim)])
        elif kind == "injected" and isinstance(part.get("text"), str):
            self._injected(part["text"])

    def _thought(self, part: dict[str, Any]) -> None:
        text = part.get("thinking") or part.get("text") or ""
        if isinstance(text, str) and text.strip():
            self._fold(str(part["type"]), text)

    def _injected(self, text: str) -> None:
        self._fold("reminder", text)

    def _fold(self, title: str, text: str) -> None:
        """Add a text that is folded to one line with the number of its words."""
        self.has_folds = True
        words = len(text.split())
        self._fold_line([Segment(f"{title} ({words} word{'' if words == 1 else 's'})", self.palette.dim)])
        if self.unfolded:
            self._indented(text, self.palette.dim)

    def _fold_line(self, segments: Line) -> None:
        signs = self.palette.signs
        sign = signs.opened if self.unfolded else signs.closed
        self._lines.append([Segment(f"  {sign} ", self.palette.dim), *segments])

    def _indented(self, text: str, style: Style | None) -> None:
        lines = plain(texts.block(text).strip("\n"), self.cells - 4, style)
        self._lines += [[Segment("    "), *line] for line in lines[:RESULT_LINES]]
        if len(lines) > RESULT_LINES:
            more = f"    {len(lines) - RESULT_LINES} more lines: Enter shows all"
            self._lines.append([Segment(more, self.palette.warn)])

    def _call(self, call: ToolCall) -> None:
        result = self.place.result_of(call.id)
        name = texts.cut(texts.line(call.name) or "tool", 30)
        self._outcome(Segment(name, self.palette.tool), call_summary(call), result)
        if self.unfolded:
            self._indented(argument_text(call.arguments), self.palette.dim)
            if result is not None:
                self._indented(result.text, self.palette.error if result.is_error else None)

    def _outcome(self, name: Segment, about: str, result: ToolResult | None) -> None:
        """Add a call as one line: its name, what it is about, and how it ended."""
        self.has_folds = True
        signs, palette = self.palette.signs, self.palette
        room = self.cells - 4 - texts.width(name.text)
        line = [name]
        first = "" if result is None else first_telling(result.text)
        about_cells = min(texts.width(about), max(10, room * 3 // 5))
        about = texts.cut(about, about_cells, signs.ellipsis)
        line += [Segment(f"  {about}", palette.dim)] if about else []
        mark, style = (signs.ellipsis, palette.dim) if result is None else (signs.ended, palette.you)
        if result is not None and result.is_error:
            mark, style = signs.crashed, palette.error
        left = room - (texts.width(about) + 2 if about else 0) - 4
        outcome = texts.cut(texts.line(first), max(0, left), signs.ellipsis)
        line.append(Segment(f"  {mark} {outcome}".rstrip(), style))
        self._fold_line(line)
        if not about and self.unfolded and result is not None and not tool_calls(self.message.parts):
            self._indented(result.text, None)

    def _divider(self, text: str) -> None:
        rule, style = self.palette.signs.rule, self.palette.line
        cells = min(self.cells, DIVIDER_CELLS) - texts.width(text) - 4
        line = [Segment(rule * 2, style), Segment(f" {text} ", self.palette.dim), Segment(rule * max(2, cells), style)]
        self._lines.append(line)

    def _add_strip(self, line: Line) -> None:
        at = len(self.strips)
        base = self.palette.base
        is_band = self.kind == "you" and self._lines and (line or at > 0)
        if is_band:
            base += self.palette.band
        bar = Segment(self.palette.signs.bar if is_band else " ", self.palette.you)
        if self.style.query is not None:
            line = marked(line, self.style.query, self.palette.match)
        if line and self.blocks and at == 1:
            self.blocks = [(number + 1, source) for number, source in self.blocks]
        self.strips.append(strip([bar, Segment(" "), *line], base, self.style.cells))
