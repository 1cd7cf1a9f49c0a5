"""Markdown, rendered for a terminal. Import it only when it is needed, because rich takes 30 ms to load."""

import io
import shutil
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import Heading, Markdown
from rich.text import Text

from segue.cli.output.terminal import use_styles

MAX_COLUMNS = 100
"""Columns: maximum width of rendered text. Longer lines are hard to read."""


class LeftHeading(Heading):
    """A heading at the left margin; rich would center it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the heading as one line of text."""
        self.text.justify = "left"
        yield self.text


class Page(Markdown):
    """A Markdown text as segue renders it."""

    elements: ClassVar = {**Markdown.elements, "heading_open": LeftHeading}


def render(text: str) -> str:
    """Return Markdown as styled text that fits the terminal."""
    return _draw(Page(text, hyperlinks=False, code_theme="ansi_dark"))


def wrap(text: str) -> str:
    """Return plain text with long lines wrapped at words."""
    return _draw(Text(text))


def _draw(content: RenderableType) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        color_system="standard" if use_styles() else None,
        width=min(MAX_COLUMNS, shutil.get_terminal_size().columns),
        highlight=False,
        emoji=False,
    )
    console.print(content)
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))
