"""The process that runs a client's regular expression, and its end when it does not answer."""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Self, cast

from segue.store.search import regex_worker

PATIENCE_SECONDS = 10.0
"""Seconds after which the process is killed, because the kernel has not given it its time."""

Match = tuple[int, int, list[tuple[int, int]]]
"""The number of a message, the number of one of its texts, and the ranges of the matches in it."""


class RegexProcess:
    """A process that searches texts. The kernel ends it after CPU_SECONDS of a processor."""

    def __init__(self, pattern: str) -> None:
        # -I and -S: the worker needs nothing but the standard library, and starts faster without the site packages.
        command = [sys.executable, "-I", "-S", regex_worker.__file__]
        self._process = subprocess.Popen(  # noqa: S603 - the command is constant
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._pattern = pattern
        self._timer = threading.Timer(PATIENCE_SECONDS, self._process.kill)

    def search(self, batch: list[list[str]]) -> list[Match] | None:
        """Return the matches in a batch of messages, or None if the process has ended."""
        stdin, stdout = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        try:
            stdin.write(json.dumps([self._pattern, batch]) + "\n")
            stdin.flush()
        except BrokenPipeError:
            return None
        line = stdout.readline()
        return json.loads(line) if line.endswith("\n") else None

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                cast(IO[str], pipe).close()
        self._process.wait()
