"""Real shells on a terminal, each with the line that installs segue in the file where people put it."""

import contextlib
import fcntl
import os
import re
import select
import signal
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.support.deadline import wait_until
from tests.support.wire import TIMEOUT_SECONDS

READY = "ready> "
"""What every prompt here ends with."""

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")

FILES = {
    "zsh": (
        ".zshrc",
        "eval \"$(segue init zsh)\"\nsetopt prompt_subst; PROMPT='[$SEGUE_PROMPT]ready> '\n",
    ),
    "bash": (".bashrc", "eval \"$(segue init bash)\"\nPS1='[$SEGUE_PROMPT]ready> '\n"),
    "fish": (
        ".config/fish/config.fish",
        """set -g fish_greeting
segue init fish | source
function fish_prompt; printf '['; segue_prompt; printf ']ready> '; end
""",
    ),
}

COMMANDS = {
    "zsh": ["zsh", "-d", "-i"],
    "bash": ["bash", "--noprofile", "--rcfile", "{home}/.bashrc", "-i"],
    "fish": ["fish", "-i"],
}

RECORDING = {
    "zsh": "eval 'segue() {{ {recorder} \"$@\"; }}; __segue_command=({recorder})'",
    "bash": "eval 'segue() {{ {recorder} \"$@\"; }}; __segue_command=({recorder})'",
    "fish": "eval 'function segue; {recorder} $argv; end; set -g __segue_command {recorder}'",
}
"""What puts a program that only writes its arguments down in the place of `segue`."""


class Shell:
    """An interactive shell, driven as by hand."""

    def __init__(
        self, name: str, environment: Mapping[str, str], directory: Path, *, before: str = "", after: str = ""
    ) -> None:
        home = Path(environment["HOME"])
        file, lines = FILES[name]
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(before + lines + after)
        self.name = name
        self._said = Path(tempfile.mkdtemp(prefix="said-", dir=home))
        self._count = 0
        self._bytes = b""
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (50, 150))
        self.process = subprocess.Popen(
            [word.format(home=home) for word in COMMANDS[name]],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=directory,
            env={**environment, "TERM": "xterm", "SAID": str(self._said), "INPUTRC": "/dev/null"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self._read_until(lambda: READY in self.screen, repr(READY))

    @property
    def screen(self) -> str:
        """Return what was shown since the last `clear`, without what only a terminal understands."""
        return ESCAPES.sub("", self._bytes.decode(errors="replace")).replace("\r", "")

    def run(self, command: str) -> str:
        """Return what a command line writes."""
        self._count += 1
        file = self._said / str(self._count)
        self.type(f'{command} >"$SAID/new" 2>&1; mv "$SAID/new" "$SAID/{self._count}"\n')
        self._read_until(file.exists, f"the end of {command!r}")
        return file.read_text(errors="surrogateescape")

    def arguments(self, keys: str) -> list[str]:
        """Return the arguments of `segue` in the line that these keys make: a line editor's screen would not tell."""
        recorder = self._said / "recorder"
        if not recorder.exists():
            recorder.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >"$SAID/new"; mv "$SAID/new" "$SAID/arguments"\n')
            recorder.chmod(0o700)
            self.run(RECORDING[self.name].format(recorder=recorder))
        self.type(f"{keys}\n")
        file = self._said / "arguments"
        self._read_until(file.exists, f"the command of {keys!r}")
        words = file.read_text().splitlines()
        file.unlink()
        return words

    @property
    def prompt(self) -> str:
        """Return what the segment holds after the last command."""
        return self.run("printf '%s' \"$SEGUE_PROMPT\"")

    def show_prompt(self) -> None:
        """Show another prompt."""
        self.type("\n")

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def clear(self) -> None:
        self._bytes = b""

    def wait_for(self, text: str) -> None:
        """Return when the text is on the screen."""
        self._read_until(lambda: text in self.screen, repr(text))

    def wait_for_prompt(self, shown: str) -> None:
        """Return when the segment begins so, however many prompts that takes."""
        wait_until(lambda: self.prompt.startswith(shown) and bool(self.prompt) == bool(shown))

    def leave(self) -> tuple[int, str]:
        """Return the exit code after `exit 7`, and what was shown on the way."""
        self.clear()
        self.type("exit 7\n")
        self._read_until(lambda: False, "the end")
        return self.process.wait(TIMEOUT_SECONDS), self.screen

    def close(self) -> None:
        """End it, as a closed window does."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
        self.process.wait(TIMEOUT_SECONDS)
        os.close(self._master)

    def _read_until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0, f"never came: {what}; on the screen: {self.screen!r}"
            if not select.select([self._master], [], [], min(left, 0.02))[0]:
                continue
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux says EIO when the last program has gone
                data = b""
            self._bytes += data
            if not data:
                assert what == "the end", f"it ended before {what}: {self.screen!r}"
                return


@contextlib.contextmanager
def open_shell(
    name: str, environment: Mapping[str, str], directory: Path, *, before: str = "", after: str = ""
) -> Iterator[Shell]:
    """Start a shell and wait for its first prompt; end it afterwards."""
    shell = Shell(name, environment, directory, before=before, after=after)
    try:
        yield shell
    finally:
        shell.close()
