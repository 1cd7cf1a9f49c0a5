"""Signals as bytes on a descriptor, so that one wait watches them together with everything else."""

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks a program to stop: Ctrl-C, `kill`, a terminal that was closed."""


class Signals:
    """Between `with` and its end those of `ENDING` kill nobody: they are `received`, as is the end of a child.

    One that is ignored, as under nohup, stays ignored.
    """

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        """Those of `ENDING` that were read so far, the oldest first."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self.descriptor, self._written = os.pipe()
        for end in (self.descriptor, self._written):
            os.set_blocking(end, False)
        self._wakeup_before = signal.set_wakeup_fd(self._written, warn_on_full_buffer=False)
        for number in ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, _note)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.descriptor)
        os.close(self._written)

    def read(self) -> list[signal.Signals]:
        """Those of `ENDING` that came since the last time."""
        try:
            numbers = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return []
        new = [signal.Signals(number) for number in numbers if number in ENDING]
        self.received += new
        return new


def _note(_number: int, _frame: FrameType | None) -> None:
    """Python writes the number to the descriptor, if there is a handler."""
