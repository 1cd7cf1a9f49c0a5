"""Each main screen at each width, and the styles of each theme, as they were looked at and found good.

`--update-pictures` writes them again; look at the difference before you commit it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from segue.browse.app import Browse
from segue.browse.views.theme import ASCII
from tests.support.browse.opened import opened, settle, text_of
from tests.support.browse.scene import fill
from tests.support.inprocess import Server
from tests.support.wire import Wire

pytestmark = pytest.mark.long

PICTURES = Path(__file__).parents[2] / "data" / "browse"
KEYS: dict[str, tuple[str, ...]] = {
    "list": (),
    "dense": ("z",),
    "read": ("enter",),
    "top": ("enter", "g", "Z"),
    "search": ("slash", *"index"),
    "nothing-found": ("slash", *"zebra", "space", *"index", "space"),
    "keys": ("question_mark", *"copy"),
    "delete": ("d",),
    "filter": ("ctrl+f",),
    "statistics": ("s",),
    "by-project": ("s", "tab", "tab", "tab", "tab", "tab"),
    "details": ("enter", "D"),
    "message": ("enter", "k", "k", "enter"),
}
"""The keys that lead to each screen."""

Compare = Callable[[str, str], None]


@pytest.fixture
def compare(request: pytest.FixtureRequest) -> Compare:
    """Compare a text with the stored one, or store it."""

    def check(name: str, shown: str) -> None:
        path = PICTURES / name
        if request.config.getoption("--update-pictures"):
            PICTURES.mkdir(exist_ok=True)
            path.write_text(shown, "utf-8")
        assert shown == path.read_text("utf-8")

    return check


@pytest.fixture
def scene(server: Server, wire: Wire) -> Server:
    fill(wire, server.clock)
    return server


async def press(pilot: Pilot[int], keys: tuple[str, ...]) -> Browse:
    app = pilot.app
    assert isinstance(app, Browse)
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    return app


@pytest.mark.parametrize("columns", [60, 100, 160])
async def test_each_screen_looks_as_before(scene: Server, compare: Compare, columns: int) -> None:
    for name, keys in KEYS.items():
        async with opened(scene, (columns, 30), "dark") as pilot:
            app = await press(pilot, keys)
            compare(f"{name}-{columns}.txt", text_of(app))


@pytest.mark.parametrize(
    ("theme", "given"),
    [("dark", {}), ("light", {}), ("ansi", {}), ("ascii", {"signs": ASCII}), ("no-color", {"no_color": True})],
)
async def test_each_theme_has_its_styles(scene: Server, compare: Compare, theme: str, given: dict[str, Any]) -> None:
    colors = {"ascii": "dark", "no-color": "ansi"}.get(theme, theme)
    for name in ("list", "read", "search"):
        async with opened(scene, (100, 30), colors, **given) as pilot:
            app = await press(pilot, KEYS[name])
            compare(f"{name}-{theme}.txt", styles_of(app))


async def test_the_first_run_looks_as_before(server: Server, compare: Compare) -> None:
    for columns in (60, 100, 160):
        async with opened(server, (columns, 30), "dark") as pilot:
            assert isinstance(pilot.app, Browse)
            compare(f"empty-{columns}.txt", text_of(pilot.app))


def styles_of(app: Browse) -> str:
    """Return the text on the screen with the style of each run."""
    strips = app.screen._compositor.render_strips()
    lines = [" ".join(f"{text!r}:{style}" for text, style, _ in strip if text) for strip in strips]
    return "\n".join(lines) + "\n"
