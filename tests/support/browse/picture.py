"""The pictures of the browser in the README and the manual, drawn by the running program.

`python -m tests.support.browse.picture` writes a light and a dark SVG of each screen.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from anyio.from_thread import start_blocking_portal

from segue.browse.app import Browse
from segue.config import Config
from segue.manual import FOLDER
from tests.support.browse.opened import opened, settle
from tests.support.browse.scene import fill
from tests.support.clock import HandClock
from tests.support.inprocess import Server

PICTURES = FOLDER / "pictures"
SIZE = (132, 32)
SCREENS: dict[str, tuple[str, ...]] = {
    "browse": ("enter", "g", "j"),
    "browse-search": ("slash", *"index"),
    "browse-stats": ("s",),
}
"""The keys that lead to each picture."""

WINDOWS = {"light": ("#e4e7eb", "#1f2328"), "dark": ("#292929", "#c5c8c6")}
"""The colors of the window around the terminal and of its title."""

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"


def main() -> None:
    """Write the pictures."""
    with TemporaryDirectory() as folder, start_blocking_portal() as portal:
        server = Server(Path(folder), portal, HandClock(), Config())
        server.start()
        try:
            fill(server.connect(), server.clock)
            anyio.run(draw_all, server, backend="asyncio")
        finally:
            server.stop()


async def draw_all(server: Server) -> None:
    """Draw each screen in each theme."""
    for name, keys in SCREENS.items():
        for theme in ("light", "dark"):
            async with opened(server, SIZE, theme) as pilot:
                app = pilot.app
                assert isinstance(app, Browse)
                for key in keys:
                    await pilot.press(key)
                    await settle(pilot)
                path = PICTURES / f"{name}-{theme}.svg"
                path.write_text(tidied(app.export_screenshot(title="segue"), WINDOWS[theme]), "utf-8")
                print(f"{path}: {path.stat().st_size} bytes")  # noqa: T201 - a script


def tidied(svg: str, window: tuple[str, str]) -> str:
    """Return the SVG of Textual without what it loads from the network, with its spaces and a window of its theme."""
    svg = svg.replace('fill="#292929"', f'fill="{window[0]}"').replace('fill="#c5c8c6"', f'fill="{window[1]}"', 1)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]+;", f"font-family: {FONT};", svg)
    svg = re.sub(r"terminal-\d+-", "t", svg)  # An ID that differs in each run
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    return re.sub(r"[ \t]+\n|\n\s*\n", "\n", svg)


if __name__ == "__main__":
    main()
