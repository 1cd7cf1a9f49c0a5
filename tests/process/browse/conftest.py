"""A terminal in which a person looks at the browser."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS

POLL_SECONDS = 0.02


class Tmux:
    """A terminal of tmux with one program."""

    def __init__(self, folder: Path, segue: Cli, command: str, size: tuple[int, int], **environment: str) -> None:
        self._base = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null", "-u"]
        self.environment = {**segue.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        columns, lines = size
        shell = f"{command}; printf 'ENDED %s\\n' $?; cat"
        words = ["new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", str(segue.directory), shell]
        subprocess.run([*self._base, *words], env=self.environment, check=True)

    def run(self, *words: str) -> str:
        done = subprocess.run([*self._base, *words], env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout

    def screen(self, *options: str) -> str:
        return self.run("capture-pane", "-p", *options)

    def type(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def shows(self, text: str) -> str:
        """Return the screen when it has a text."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while text not in (screen := self.screen()):
            assert time.monotonic() < end, f"never shown: {text!r} in\n{screen}"
            time.sleep(POLL_SECONDS)
        return screen

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)


Opened = Callable[..., Tmux]


@pytest.fixture
def terminal(segued: Segued, segue: Cli, tmp_path: Path) -> Iterator[Opened]:
    """Open a terminal with some sessions to look at: `terminal("segue browse", size=(100, 30))`."""
    wire = segued.connect()
    for number in range(3):
        where = str(segue.directory) if number == 0 else f"/p/{number}"
        wire.call("session.create", id=f"s{number}", working_dir=where, project=where, name=f"Session {number}")
        messages = [
            {"role": "user", "content": f"question {number}\x1b[31m\u202e"},
            {"role": "assistant", "content": "An **answer**:\n\n```python\nprint(1)\n```\n"},
        ]
        wire.call("message.append_many", session_id=f"s{number}", messages=messages)
    opened: list[Tmux] = []

    def start(command: str = f"{SEGUE} browse", size: tuple[int, int] = (100, 30), **environment: str) -> Tmux:
        opened.append(Tmux(tmp_path, segue, command, size, **environment))
        return opened[-1]

    try:
        yield start
    finally:
        for one in opened:
            one.close()
