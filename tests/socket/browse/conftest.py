"""The browser over a server in this process, with some sessions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from segue.browse.app import Browse
from segue.browse.options import Options
from segue.browse.start import ask_daemon
from segue.browse.views.row_drawing import SessionRow
from segue.browse.views.theme import Signs
from tests.support.inprocess import Server
from tests.support.wire import TIMEOUT_SECONDS, Wire

CODE = "Use this:\n\n```python\nprint(sorted([3, 1]))\n```\n\nand that:\n\n```sh\nls -l\n```\n"


class Driver:
    """The browser with its pilot. `until` waits for what the screen or the state shows."""

    def __init__(self, app: Browse, pilot: Pilot[Any], wire: Wire) -> None:
        self.app, self.pilot, self.wire = app, pilot, wire
        self.said: list[str] = []
        """The sentences that were shown for some seconds."""
        say = app.say

        def noted(text: str, *, error: bool = False) -> None:
            self.said.append(text)
            say(text, error=error)

        setattr(app, "say", noted)  # noqa: B010 - a type checker rejects the assignment

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Paste a text into the line that has the focus."""
        line = self.app.focused
        assert isinstance(line, Input)
        line.insert_text_at_cursor(text)
        await self.pilot.pause(0.005)

    async def until(self, holds: Callable[[], Any]) -> None:
        """Wait until a condition holds, as events and answers arrive."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not holds():
                await self.pilot.pause(0.005)

    async def shows(self, text: str) -> None:
        """Wait until a text is on the screen."""
        try:
            await self.until(lambda: text in self.screen)
        except TimeoutError:
            raise AssertionError(f"never shown: {text!r} in\n{self.screen}") from None

    async def shows_no(self, text: str) -> None:
        await self.until(lambda: text not in self.screen)

    @property
    def screen(self) -> str:
        """Return the text on the screen, line by line."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def listed(self) -> list[str]:
        """Return the sessions in the list, from the top."""
        return [row.entry.id for row in self.app.rows_pane.rows if isinstance(row, SessionRow)]

    def session(self, id: str) -> Any:
        return self.wire.call("session.get", session_id=id)

    def messages(self, id: str) -> Any:
        return self.wire.call("message.list", session_id=id)["messages"]


Opened = Callable[..., Any]


def fill(wire: Wire, server: Server) -> None:
    """Store three sessions: `first` in /p/one with a tool call and code, `second` in /p/two, `third` imported."""
    wire.call("session.create", id="first", working_dir="/p/one", project="/p/one", name="Sort a dict", model="opus-4")
    messages = [
        {"role": "user", "content": "How do I sort a dict?"},
        {
            "role": "assistant",
            "parts": [{"type": "tool_use", "id": "c1", "name": "Bash", "input": {"command": "pytest -q"}}],
        },
        {"role": "user", "parts": [{"type": "tool_result", "tool_use_id": "c1", "content": "412 passed\nin 8.31 s"}]},
        {"role": "assistant", "content": CODE, "model": "opus-4", "output_tokens": 674, "response_ms": 1600},
        {"role": "user", "content": "And **backwards**?"},
        {"role": "assistant", "content": "Use `reverse=True`.", "model": "opus-4"},
    ]
    wire.call("message.append_many", session_id="first", messages=messages)
    server.clock.pass_time(1000)
    wire.call("session.create", id="second", working_dir="/p/two", project="/p/two", name="Retry logic", model="qwen3")
    wire.call("message.append", session_id="second", role="user", content="Refactor the retry logic")
    server.clock.pass_time(1000)
    wire.call(
        "session.import",
        source={"tool": "codex", "id": "x"},
        session={"working_dir": "/p/two", "project": "/p/two", "name": "Imported talk"},
        messages=[{"role": "user", "content": "hello from codex", "key": "k"}],
    )


@pytest.fixture
def browse(server: Server, wire: Wire) -> Opened:
    """Open the browser: `async with browse(size=(100, 30)) as driver`."""
    fill(wire, server)

    @asynccontextmanager
    async def opened(size: tuple[int, int] = (100, 30), theme: str = "dark", **given: Any) -> AsyncIterator[Driver]:
        options = Options(
            server.paths,
            given.pop("program", ["segue"]),
            {"working_dir": "/p/one", "project": "/p/one"},
            theme,
            given.pop("signs", Signs()),
            **given,
        )
        app = Browse(options, ask_daemon(server.paths))
        async with app.run_test(size=size, notifications=True) as pilot:
            driver = Driver(app, pilot, wire)
            await driver.until(lambda: len(app.lister.sessions.entries) >= 3 and app.lister.is_loaded)
            yield driver

    return opened
