"""The picture in the README: two terminals in one conversation, drawn from a real run.

`python -m tests.support.picture` runs the commands and writes a light and a dark SVG.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from xml.sax.saxutils import escape

from segue.manual import FOLDER
from tests.process.command_line import Terminal
from tests.support.process import Segued

PICTURES = FOLDER / "pictures"
COLUMNS = 58
CHARACTER, LINE, MARGIN, GAP, BAR = 7.8, 18, 14, 16, 28
"""Pixels: the width of a character, the height of a line, the margin, the gap between terminals, the title bar."""


class Theme(NamedTuple):
    """The colors of a picture."""

    name: str
    window: str
    bar: str
    text: str
    prompt: str


THEMES = (
    Theme("light", "#ffffff", "#e4e7eb", "#1f2328", "#0969da"),
    Theme("dark", "#161b22", "#30363d", "#e6edf3", "#58a6ff"),
)
SGR = re.compile(r"\x1b\[([\d;]*)m")
BOLD, DIM = "1", "2"


class Screen:
    """The lines of one terminal, with the commands that were typed."""

    def __init__(self, environment: dict[str, str], directory: Path) -> None:
        self.lines: list[str] = []
        self._environment = environment
        self._directory = directory

    def run(self, command: str) -> None:
        """Run a command to its end."""
        self.lines.append(f"\0~/proj $ \0{command}")
        terminal = Terminal(["/bin/sh", "-c", command], self._environment, self._directory, COLUMNS)
        code, output = terminal.finish()
        assert code == 0, output
        self.lines += output.replace(self._environment["HOME"], "/home/ada").rstrip("\n").split("\n")


def converse(home: Path) -> tuple[list[str], list[str]]:
    """Return the lines of two terminals in one directory."""
    segued = Segued(home)
    environment = {**segued.environment, "HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8", "PAGER": "cat"}
    directory = home / "proj"
    directory.mkdir()
    segued.start()
    left, right = Screen(environment, directory), Screen(environment, directory)
    left.run('segue add "How do I sort a dict by value?"')
    right.run('segue add --role assistant "sorted(d, key=d.get)"')
    left.run('segue add "And by key?"')
    left.run("segue search sorted")
    right.run("segue show")
    segued.finish()
    return left.lines, right.lines


def draw(screens: tuple[list[str], ...], theme: Theme) -> str:
    """Return the SVG of the terminals side by side."""
    wrapped = [[piece for line in lines for piece in wrap(line)] for lines in screens]
    width = COLUMNS * CHARACTER + 2 * MARGIN
    height = BAR + max(map(len, wrapped)) * LINE + MARGIN
    total = len(screens) * width + (len(screens) - 1) * GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {height:.0f}">', style(theme)]
    for number, lines in enumerate(wrapped):
        left = number * (width + GAP)
        parts.append(f'<rect class="window" x="{left}" width="{width}" height="{height:.0f}" rx="8"/>')
        parts.append(f'<rect class="bar" x="{left}" width="{width}" height="{BAR - 4}" rx="8"/>')
        parts.append(f'<text class="dim" x="{left + MARGIN}" y="{BAR - 11}">terminal {number + 1}</text>')
        for row, line in enumerate(lines):
            y = BAR + (row + 1) * LINE - 4
            parts.append(f'<text x="{left + MARGIN}" y="{y}" xml:space="preserve">{"".join(spans(line))}</text>')
    return "\n".join([*parts, "</svg>\n"])


def style(theme: Theme) -> str:
    return (
        "<style>"
        "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        f"fill:{theme.text}}} .window{{fill:{theme.window};stroke:{theme.bar}}} .bar{{fill:{theme.bar}}}"
        f" .prompt{{fill:{theme.prompt}}} .bold{{font-weight:bold}} .dim{{opacity:.65}}"
        "</style>"
    )


def wrap(line: str) -> Iterator[str]:
    """Yield the rows that a terminal shows of a line; escape sequences have no width."""
    row, used, style = "", 0, ""
    for piece in re.split(r"(\x1b\[[\d;]*m|\0)", line):
        if SGR.fullmatch(piece) or piece == "\0":
            row += piece
            style = piece if piece != "\0" else ""
            continue
        for character in piece:
            if used == COLUMNS:
                yield row
                row, used = style, 0
            row += character
            used += 1
    yield row


def spans(line: str) -> Iterator[str]:
    """Yield the text of a row with its colors."""
    kind = ""
    for piece in re.split(r"(\x1b\[[\d;]*m|\0)", line):
        if piece == "\0":
            kind = "" if kind else "prompt"
        elif found := SGR.fullmatch(piece):
            codes = found[1].split(";")
            kind = "bold" if BOLD in codes else "dim" if DIM in codes else ""
        elif piece:
            yield f'<tspan class="{kind}">{escape(piece)}</tspan>' if kind else escape(piece)


def main() -> None:
    """Run the conversation and write both pictures."""
    os.environ["SEGUE_NO_AUTOSTART"] = "1"
    with TemporaryDirectory() as home:
        screens = converse(Path(home))
    for theme in THEMES:
        (PICTURES / f"terminals-{theme.name}.svg").write_text(draw(screens, theme))


if __name__ == "__main__":
    main()
