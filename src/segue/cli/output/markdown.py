"""Markdown, rendered for a terminal. Import it only when it is needed, because rich takes 30 ms to load."""

import io
import shutil
from typing import ClassVar

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.syntax import Syntax
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


class NarrowCode(CodeBlock):
    """A code block with a margin at the left only, and with none where the lines just fit."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the code with colors."""
        code = str(self.text).rstrip()
        left = 0 if max(map(cell_len, code.split("\n"))) == options.max_width else 1
        yield Syntax(code, self.lexer_name, theme=self.theme, word_wrap=True, padding=(0, 0, 0, left))


class Page(Markdown):
    """A Markdown text as segue renders it."""

    elements: ClassVar = {
        **Markdown.elements,
        "heading_open": LeftHeading,
        "fence": NarrowCode,
        "code_block": NarrowCode,
    }


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
