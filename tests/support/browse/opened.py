"""The browser over the scene, at a time that stays the same."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot

from segue.browse.app import Browse
from segue.browse.link import Link
from segue.browse.options import Options
from segue.browse.start import ask_daemon
from segue.browse.views import times
from tests.support.browse.scene import HERE
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS

_pending: Counter[Link] = Counter()
"""The requests of each link that have no answer yet."""


async def _counted(link: Link, *given: Any) -> Any:
    _pending[link] += 1
    try:
        return await _exchange(link, *given)
    finally:
        _pending[link] -= 1


_exchange = Link._exchange


@contextmanager
def fixed_time(server: Server) -> Iterator[None]:
    """Show all times as of the server's clock, in UTC and for the home directory of the scene."""
    moment = datetime.fromtimestamp(server.clock.now / 1000, UTC)
    before = os.environ.get("TZ")
    try:
        with patch.object(times, "now", lambda: moment), patch.dict(os.environ, {"TZ": "UTC", "HOME": "/home/ada"}):
            time.tzset()
            yield
    finally:
        assert os.environ.get("TZ") == before
        time.tzset()


@asynccontextmanager
async def opened(server: Server, size: tuple[int, int], theme: str, **given: Any) -> AsyncIterator[Pilot[int]]:
    """Open the browser, and yield its pilot when all sessions and the current conversation are shown."""
    with fixed_time(server), patch.object(Link, "_exchange", _counted):
        options = Options(server.paths, ["segue"], {"working_dir": HERE, "project": HERE}, theme, **given)
        app = Browse(options, ask_daemon(server.paths))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.lister.is_loaded)
            if size[0] >= 80 and app.lister.sessions.entries:
                await until(pilot, lambda: app.reader.session is not None)
            await settle(pilot)
            yield pilot


async def until(pilot: Pilot[int], holds: Any) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while not holds():
            await pilot.pause(0.005)


async def settle(pilot: Pilot[int]) -> None:
    """Wait until nothing is under way and two screens in a row are the same."""
    app = pilot.app
    assert isinstance(app, Browse)
    before = ""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while (shown := text_of(app)) != before or app.preview._resting is not None or _pending[app.link]:
            before = shown
            await pilot.pause(0.02)


def text_of(app: Browse) -> str:
    """Return the text on the screen, line by line."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips()) + "\n"
