"""The model's command: run by the shell in a session of its own, fed and read at once, ended when it must be.

In a session of its own, so that a signal reaches all of it and nobody else in the pipeline `segue` may stand in; it
has no terminal to ask questions on, for nobody could answer one.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple

from segue.cli.ask.poll import wait
from segue.cli.ask.reply_buffer import Reply
from segue.cli.ask.signal_pipe import Signals

SHELL = "/bin/sh"
CHUNK = 65_536

GRACE_SECONDS = 3.0
"""For the last words of a command that was told to stop; then it is killed."""

LINGER_SECONDS = 1.0
"""Of silence, once the command has ended, before its output is taken for whole though something still holds it open."""

LEFTOVER_SECONDS = 5.0
"""After the end of the command, for what it left behind and goes on writing; a screen that lags is waited for."""

DRAIN_READS = 64
"""At most so many of `CHUNK` when all is over: a pipe holds less, but who escaped might write for ever."""

READER_GONE = 128 + signal.SIGPIPE
"""The exit code when who read our output had enough."""

StopReason = Literal["end", "error", "interrupted", "length"]


class Outcome(NamedTuple):
    """What the command wrote, and how it ended."""

    text: str
    stop_reason: StopReason
    exit_code: int
    """As a shell counts: 128 + n for a signal, the command's own or the one that interrupted us."""
    response_ms: int
    fault: OSError | None
    """Why not all of it could be shown; None too if the reader had enough, which is an interruption."""
    open_line: bool
    """Whether the last line that was shown has no end."""


def run_model(command: str, prompt: bytes, screen: int, signals: Signals, limit: int) -> Outcome:
    """Give the prompt to the command, and its output to the descriptor `screen` as it comes.

    Returns when the command has ended, at the latest some seconds after a signal, or after it wrote `limit` bytes.
    """
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - the user's own words, as in PAGER and EDITOR
        [SHELL, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
    )
    with process:
        run = _Run(process, prompt, screen, signals, Reply(limit))
        try:
            run.follow()
        except BaseException:
            run.kill()
            raise
    return run.outcome(round((time.monotonic() - started) * 1000))


class _Run:
    """One run of the command. Each turn waits for whatever can go on: input, output, screen, signals."""

    def __init__(
        self, process: subprocess.Popen[bytes], prompt: bytes, screen: int, signals: Signals, reply: Reply
    ) -> None:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both are pipes")
        self._process, self._input, self._output = process, process.stdin, process.stdout
        self._screen, self._signals, self._reply = screen, signals, reply
        self._unsent = memoryview(prompt)
        self._unshown = bytearray()
        self._deadline: float | None = None
        self._ended: float | None = None
        self._stop: StopReason | None = None
        self._exit_code: int | None = None
        self._fault: OSError | None = None
        self._last = b"\n"
        for pipe in (self._input, self._output):
            os.set_blocking(pipe.fileno(), False)
        if not prompt:
            self._input.close()

    def follow(self) -> None:
        """Return when all is read and shown, and nothing of the command is left that should not be."""
        while not self._is_over():
            reading, writing = self._reading(), self._writing()
            ready = wait(reading, writing, self._patience())
            for descriptor in ready[0]:
                reading[descriptor]()
            for descriptor in ready[1]:
                writing[descriptor]()
            if self._ended is None and self._process.poll() is not None:
                self._ended = time.monotonic()
            if not any(ready) or self._patience() == 0:
                self._give_up()
        if self._stop is not None:
            self.kill()
        self._show_rest()

    def kill(self) -> None:
        """End all that is left of it."""
        self._signal(signal.SIGKILL)

    def outcome(self, response_ms: int) -> Outcome:
        """What came of it."""
        code = self._process.returncode
        code = 128 - code if code < 0 else code
        reason = self._stop or ("error" if code else "end")
        fault = None if isinstance(self._fault, BrokenPipeError) else self._fault
        return Outcome(self._reply.finish(), reason, self._exit_code or code, response_ms, fault, self._last != b"\n")

    def _is_over(self) -> bool:
        ended = self._process.returncode is not None and self._output.closed
        return ended and (not self._unshown or self._stop is not None)

    def _reading(self) -> dict[int, Callable[[], None]]:
        """What to read from; not from the command while the screen lags behind: it waits as it would without us."""
        found: dict[int, Callable[[], None]] = {self._signals.descriptor: self._heed}
        if not self._output.closed and (not self._unshown or self._stop is not None):
            found[self._output.fileno()] = self._read
        return found

    def _writing(self) -> dict[int, Callable[[], None]]:
        found: dict[int, Callable[[], None]] = {}
        if not self._input.closed:
            found[self._input.fileno()] = self._feed
        if self._unshown:
            found[self._screen] = self._show
        return found

    def _patience(self) -> float | None:
        """Seconds to wait for anything to happen, at most; None for ever."""
        now = time.monotonic()
        waits = []
        if self._deadline is not None:
            waits.append(self._deadline - now)
        if self._ended is not None and not self._unshown:
            waits += [LINGER_SECONDS, self._ended + LEFTOVER_SECONDS - now]
        return max(0.0, min(waits)) if waits else None

    def _heed(self) -> None:
        for number in self._signals.read():
            if self._stop == "interrupted":
                self._give_up()
            else:
                self._interrupt(number, 128 + number)

    def _interrupt(self, number: signal.Signals, exit_code: int, reason: StopReason = "interrupted") -> None:
        self._stop, self._exit_code = reason, exit_code
        self._deadline = time.monotonic() + GRACE_SECONDS
        self._signal(number)

    def _read(self) -> None:
        if self._output.closed:
            return
        with suppress(BlockingIOError):
            data = os.read(self._output.fileno(), min(CHUNK, self._reply.room))
            self._reply.take(data)
            if self._fault is None:
                self._unshown += data
                self._last = data[-1:] or self._last
            if not data:
                self._output.close()
            elif not self._reply.room:
                self._output.close()
                self._interrupt(signal.SIGTERM, 1, "length")

    def _feed(self) -> None:
        if self._input.closed:
            return
        try:
            self._unsent = self._unsent[os.write(self._input.fileno(), self._unsent[:CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unsent = self._unsent[:0]  # it does not want to know
        if not self._unsent:
            self._input.close()

    def _show(self) -> None:
        try:
            # Not more: that much can be written without waiting, which no signal could end.
            del self._unshown[: os.write(self._screen, self._unshown[: select.PIPE_BUF])]
        except BlockingIOError:
            return
        except OSError as fault:
            self._fault = fault
            self._unshown.clear()
            if self._stop is None and isinstance(fault, BrokenPipeError):
                self._interrupt(signal.SIGTERM, READER_GONE)

    def _show_rest(self) -> None:
        while self._unshown and wait((), (self._screen,), 0)[1]:
            self._show()

    def _give_up(self) -> None:
        """Kill what is left, and take what it wrote before."""
        self.kill()
        self._process.wait()
        for _ in range(DRAIN_READS):
            if self._output.closed or not wait((self._output.fileno(),), (), 0)[0]:
                break
            self._read()
        self._output.close()

    def _signal(self, number: signal.Signals) -> None:
        """To the command and all that it started; its number is its group's as long as anything of that lives."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
