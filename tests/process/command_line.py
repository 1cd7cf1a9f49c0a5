"""The real `segue`: through pipes as a script runs it, and on a terminal as a person does."""

import fcntl
import json
import os
import re
import select
import signal
import subprocess
import sys
import termios
from codecs import getincrementaldecoder
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.wire import TIMEOUT_SECONDS

SEGUE = str(Path(sys.executable).parent / "segue")


PROGRESS = re.compile(
    r"^segue: [a-z]+: (?:[\w .-]+ \([\d .]+ [A-Za-z]+\)|removing deleted data|removing old values|asking the hub)\n",
    re.MULTILINE,
)
"""The lines of a command that takes longer than a second. A busy machine makes each command take as long."""


ERASED = re.compile(r"^[^\n]*\r\x1b\[K", re.MULTILINE)
"""The bar of such a command on a terminal, which has erased it."""


class Outcome(NamedTuple):
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """Return the tab-separated values of each line."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command: list[str], environment: Mapping[str, str], directory: Path, columns: int) -> None:
        self.screen = ""
        self._decoder = getincrementaldecoder("utf-8")()
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (40, columns))
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=directory,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def read_until(self, text: str) -> None:
        """Return when the text is on the screen; AssertionError if the program ends before."""
        while text not in self.screen:
            assert self._read(), f"never shown: {text!r} in {self.screen!r}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def finish(self) -> tuple[int, str]:
        """Return the exit code, and all that was shown and not erased."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(TIMEOUT_SECONDS), ERASED.sub("", self.screen.replace("\r\n", "\n"))

    def hang_up(self) -> int:
        """Close the terminal as a window is closed; returns the exit code."""
        os.close(self._master)
        return self.process.wait(TIMEOUT_SECONDS)

    def _read(self) -> bool:
        assert select.select([self._master], [], [], TIMEOUT_SECONDS)[0], f"nothing follows {self.screen!r}"
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the last program has gone
            return False
        self.screen += self._decoder.decode(data)  # A read may end inside a character.
        return bool(data)


class Cli:
    """`segue` in one directory and environment."""

    def __init__(self, environment: Mapping[str, str], directory: Path) -> None:
        self.environment = dict(environment)
        self.directory = directory

    def at(self, directory: Path) -> "Cli":
        return Cli(self.environment, directory)

    def given(self, **variables: str) -> "Cli":
        """Return the same with other variables in its environment; an empty one is left out."""
        merged = {**self.environment, **variables}
        return Cli({name: value for name, value in merged.items() if value}, self.directory)

    def run(self, *arguments: str | bytes, stdin: bytes = b"") -> Outcome:
        """Run it with pipes as its input and output."""
        done = subprocess.run(
            [SEGUE, *arguments],
            input=stdin,
            capture_output=True,
            cwd=self.directory,
            env=self.environment,
            timeout=TIMEOUT_SECONDS,
        )
        return Outcome(done.returncode, done.stdout.decode(), PROGRESS.sub("", done.stderr.decode()))

    def ok(self, *arguments: str | bytes, stdin: bytes = b"") -> Outcome:
        """Run it; it must succeed and have nothing to complain about."""
        outcome = self.run(*arguments, stdin=stdin)
        assert (outcome.code, outcome.err) == (0, ""), outcome
        return outcome

    def id(self, *arguments: str) -> str:
        """Create a session and return its id."""
        return self.ok("new", *arguments).out.strip()

    def terminal(self, *arguments: str, columns: int = 120) -> Terminal:
        return Terminal(
            [SEGUE, *arguments], {**self.environment, "TERM": "xterm", "PAGER": "cat"}, self.directory, columns
        )

    def shown(self, *arguments: str, columns: int = 120) -> str:
        """Return what a successful run shows on a terminal."""
        code, screen = self.terminal(*arguments, columns=columns).finish()
        assert code == 0, screen
        return screen

    def shell(self, script: str) -> Outcome:
        """Run a shell script in which `segue` is found."""
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=self.directory,
            env=self.environment,
            timeout=TIMEOUT_SECONDS,
        )
        return Outcome(done.returncode, done.stdout.decode(), PROGRESS.sub("", done.stderr.decode()))


def interrupt(terminal: Terminal) -> None:
    """Press Ctrl-C."""
    terminal.process.send_signal(signal.SIGINT)
