"""Signals as bytes on a pipe, so that one poll waits for signals and descriptors (the self-pipe trick)."""

import os
import signal
from types import FrameType
from typing import Any, Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that ask a program to stop: Ctrl-C, `kill` and the end of the terminal."""


class Signals:
    """A context in which STOP_SIGNALS and SIGCHLD arrive on a pipe instead of ending the process.

    A signal that is ignored, as under nohup, stays ignored.
    """

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        """The STOP_SIGNALS read so far, oldest first."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self.descriptor, self._write_end = os.pipe()
        for end in (self.descriptor, self._write_end):
            os.set_blocking(end, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, _ignore)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _ignore)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.descriptor)
        os.close(self._write_end)

    def read(self) -> list[signal.Signals]:
        """Return the STOP_SIGNALS that arrived since the last call."""
        try:
            numbers = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return []
        new = [signal.Signals(number) for number in numbers if number in STOP_SIGNALS]
        self.received += new
        return new


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing. Python writes the signal number to the pipe only if the signal has a handler."""
