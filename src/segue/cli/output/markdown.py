"""Markdown, rendered for a terminal. Import it only when it is needed, because rich takes 30 ms to load."""

import io
import os
import shutil
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Heading, Markdown

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
    file = io.StringIO()
    width = min(MAX_COLUMNS, shutil.get_terminal_size().columns)
    console = Console(
        file=file,
        force_terminal=True,
        color_system=None if os.environ.get("NO_COLOR") else "standard",
        width=width,
        highlight=False,
        emoji=False,
    )
    console.print(Page(text, hyperlinks=False, code_theme="ansi_dark"))
    return file.getvalue()
