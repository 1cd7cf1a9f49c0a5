"""The details of the open session: model, tokens, times, directory, tags, its family, memories and summary."""

import os
from collections.abc import Iterator
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from segue.browse.data.sessions import Entry
from segue.browse.views import text as texts
from segue.browse.views.theme import Palette
from segue.browse.views.times import age_of, clock
from segue.cli.output.stats_table import short_number
from segue.models import Memory, Session, Summary
from segue.workflows.labels import short_id, states, title

LABEL_CELLS = 10
EXACT_TOKENS = 100_000
"""Tokens: larger numbers are rounded, so that both fit into a line."""

MEMORIES = 20
"""Memories of a session that are shown."""


class Details(Static):
    """The pane at the right."""

    def __init__(self, palette: Palette, **options: Any) -> None:
        super().__init__("", **options)
        self.palette = palette
        self._shown: tuple[Session, Entry | None, list[Entry], list[Memory], Summary | None] | None = None

    def show(
        self,
        session: Session | None,
        parent: Entry | None = None,
        forks: list[Entry] | None = None,
        memories: list[Memory] | None = None,
        summary: Summary | None = None,
    ) -> None:
        """Show the details of a session, or nothing."""
        self._shown = None if session is None else (session, parent, forks or [], memories or [], summary)
        self._draw()

    def set_palette(self, palette: Palette) -> None:
        """Draw in other colors."""
        self.palette = palette
        self._draw()

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self._draw()

    def _draw(self) -> None:
        text = Text(no_wrap=False, overflow="fold", end="")
        if self._shown is not None:
            session, parent, forks, memories, summary = self._shown
            self._heading(text, "Session")
            for name, value in _facts(session):
                text.append(f"{name:<{LABEL_CELLS}}", self.palette.dim)
                text.append(
                    f"{texts.cut(texts.line(value), max(8, self.size.width - LABEL_CELLS - 2))}\n", self.palette.text
                )
            if parent is not None or forks:
                self._family(text, parent, forks)
            if session.tags:
                self._heading(text, "Tags")
                text.append(texts.line("  ".join(f"#{tag}" for tag in session.tags)) + "\n", self.palette.tool)
            if memories:
                self._heading(text, "Memories")
                for memory in memories[:MEMORIES]:
                    text.append(f"{memory.importance} ", self.palette.warn)
                    text.append(texts.line(memory.fact) + "\n", self.palette.text)
            if summary is not None:
                self._heading(text, "Summary")
                text.append(texts.block(summary.summary)[:2000] + "\n", self.palette.dim)
        self.update(text)

    def _heading(self, text: Text, title: str) -> None:
        text.append(f"{chr(10) if text else ''}{title}\n", self.palette.bright)

    def _family(self, text: Text, parent: Entry | None, forks: list[Entry]) -> None:
        """Add the parent, this session and its forks as a tree."""
        signs = self.palette.signs
        self._heading(text, "Forks")
        indent = ""
        if parent is not None:
            self._branch(text, "", parent.title, age_of(parent.last_ms), self.palette.text)
            indent = f"{signs.corner} "
        self._branch(text, indent, "this session", "", self.palette.accent)
        for at, fork in enumerate(forks):
            sign = signs.branch if at < len(forks) - 1 else signs.corner
            self._branch(text, f"{' ' * len(indent)}{sign} ", fork.title, age_of(fork.last_ms), self.palette.text)

    def _branch(self, text: Text, indent: str, title: str, age: str, style: Style) -> None:
        room = max(6, self.size.width - len(indent) - len(age) - 3)
        text.append(indent, self.palette.dim)
        text.append(texts.fill(texts.cut(texts.line(title), room), room), style)
        text.append(f" {age}\n", self.palette.dim)


def _facts(session: Session) -> Iterator[tuple[str, str]]:
    """Yield the names and values of what is known of a session. Each mark of the list is a word here."""
    yield "name", title(session.name, None)
    yield "id", session.id
    yield "state", ", ".join([session.status, *(one for one in states(session) if one in ("pinned", "archived"))])
    if session.source is not None:
        yield "from", f"{session.source.tool} {session.source.id}"
    for name, value in (("model", session.model), ("provider", session.provider), ("bot", session.bot_id)):
        if value and value != "default":
            yield name, value
    if session.working_dir:
        yield "directory", _short(session.working_dir)
    if session.project and session.project != session.working_dir:
        yield "project", _short(session.project)
    yield "messages", _number(session.message_count)
    if session.input_tokens or session.output_tokens:
        yield "tokens", f"{_tokens(session.input_tokens)} in, {_tokens(session.output_tokens)} out"
    yield "begun", clock(session.created_at)
    yield "last", clock(session.last_message_at)
    if session.ended_at:
        yield "ended", clock(session.ended_at)
    if session.parent_id:
        yield "fork of", short_id(session.parent_id)


def _tokens(number: int) -> str:
    return _number(number) if number < EXACT_TOKENS else short_number(number)


def _short(directory: str) -> str:
    home = os.environ.get("HOME", "").rstrip("/")
    return "~" + directory[len(home) :] if home and f"{directory}/".startswith(f"{home}/") else directory


def _number(number: int) -> str:
    return f"{number:,}".replace(",", " ")
