"""The model command: run it, feed it the prompt, copy its output to the screen, and end it on a signal.

The command runs in a session of its own. A signal then reaches all its processes, but no other process of the
pipeline that contains `segue`. It has no controlling terminal, because it must not ask questions there.

How one turn of the event loop works:
1. Wait until the command's input or output, the screen or the signal pipe is ready.
2. Read output only while the screen keeps up, so that the command waits as it would without `segue`.
3. A signal, a closed screen or the size limit asks the command to stop; after GRACE_SECONDS it is killed.
4. After the command ended, read on until its output is closed, silent for LINGER_SECONDS, or LEFTOVER_SECONDS passed.
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
from segue.cli.ask.screen_filter import ScreenFilter
from segue.cli.ask.signal_pipe import Signals

SHELL = "/bin/sh"
CHUNK = 65_536

GRACE_SECONDS = 3.0
"""Seconds: how long a command may run on after a signal. Then it is killed."""

LINGER_SECONDS = 1.0
"""Seconds: silence after which the output of an ended command is complete, although another process holds it open."""

LEFTOVER_SECONDS = 5.0
"""Seconds: how long processes that the command left behind may write. The time starts when the command ends."""

DRAIN_READS = 64
"""Reads of CHUNK bytes after the kill. A pipe holds less; an escaped process could write without end."""

READER_GONE = 128 + signal.SIGPIPE
"""The exit status when the reader of the output closed it."""

StopReason = Literal["end", "error", "interrupted", "length"]


class Outcome(NamedTuple):
    """The output of the command, and how it ended."""

    text: str
    stop_reason: StopReason
    exit_code: int
    """The exit status as a shell reports it: 128 + n if signal n ended the command or `segue`."""
    response_ms: int
    screen_error: OSError | None
    """The reason why the output could not be shown; None if the reader closed it, which counts as an interruption."""
    open_line: bool
    """True if the last line shown has no line end."""


def run_command(command: str, prompt: bytes, screen: int, signals: Signals, reply: Reply) -> Outcome:
    """Run the command with the prompt on its standard input, and copy its output to the descriptor `screen`.

    If that is a terminal, it gets only text and colors.
    Return when the command has ended: a few seconds after a signal, or when the reply is full, at the latest.
    """
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - The user configured the command, as with PAGER and EDITOR
        [SHELL, "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
        env={**os.environ, "SEGUE_LLM": "off"},  # The plugin of llm must not store what `segue ask` stores.
    )
    with process:
        run = _Run(process, prompt, screen, signals, reply)
        try:
            run.follow()
        except BaseException:
            run.kill()
            raise
    return run.outcome(round((time.monotonic() - started) * 1000))


class _Run:
    """One run of the command: the event loop over its pipes, the screen and the signals."""

    def __init__(
        self, process: subprocess.Popen[bytes], prompt: bytes, screen: int, signals: Signals, reply: Reply
    ) -> None:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("standard input and output of the command are pipes")
        self._process, self._input, self._output = process, process.stdin, process.stdout
        self._screen, self._signals, self._reply = screen, signals, reply
        self._filter = ScreenFilter() if os.isatty(screen) else None
        self._unsent = memoryview(prompt)
        self._unshown = bytearray()
        self._deadline: float | None = None
        self._ended_at: float | None = None
        self._stop_reason: StopReason | None = None
        self._exit_code: int | None = None
        self._screen_error: OSError | None = None
        self._last_byte = b"\n"
        for pipe in (self._input, self._output):
            os.set_blocking(pipe.fileno(), False)
        if not prompt:
            self._input.close()

    def follow(self) -> None:
        """Run the event loop until the output is read and shown, then kill any process that must not remain."""
        while not self._is_over():
            reading, writing = self._reading(), self._writing()
            ready = wait(reading, writing, self._timeout())
            for descriptor in ready[0]:
                reading[descriptor]()
            for descriptor in ready[1]:
                writing[descriptor]()
            if self._ended_at is None and self._process.poll() is not None:
                self._ended_at = time.monotonic()
            if not any(ready) or self._timeout() == 0:
                self._kill_and_drain()
        if self._stop_reason is not None:
            self.kill()
        if self._filter is not None and self._screen_error is None:
            self._unshown += self._filter.finish()
        self._flush_screen()

    def kill(self) -> None:
        """Kill the command and every process that it started."""
        self._signal(signal.SIGKILL)

    def outcome(self, response_ms: int) -> Outcome:
        """Return the output and how the command ended."""
        code = self._process.returncode
        code = 128 - code if code < 0 else code
        reason = self._stop_reason or ("error" if code else "end")
        screen_error = None if isinstance(self._screen_error, BrokenPipeError) else self._screen_error
        return Outcome(
            self._reply.finish(), reason, self._exit_code or code, response_ms, screen_error, self._last_byte != b"\n"
        )

    def _is_over(self) -> bool:
        ended = self._process.returncode is not None and self._output.closed
        return ended and (not self._unshown or self._stop_reason is not None)

    def _reading(self) -> dict[int, Callable[[], None]]:
        """Return the descriptors to read from, each with its handler."""
        found: dict[int, Callable[[], None]] = {self._signals.descriptor: self._handle_signals}
        if not self._output.closed and (not self._unshown or self._stop_reason is not None):
            found[self._output.fileno()] = self._read
        return found

    def _writing(self) -> dict[int, Callable[[], None]]:
        """Return the descriptors to write to, each with its handler."""
        found: dict[int, Callable[[], None]] = {}
        if not self._input.closed:
            found[self._input.fileno()] = self._feed
        if self._unshown:
            found[self._screen] = self._show
        return found

    def _timeout(self) -> float | None:
        """Return the seconds until the next deadline, or None if there is none."""
        now = time.monotonic()
        waits = []
        if self._deadline is not None:
            waits.append(self._deadline - now)
        if self._ended_at is not None and not self._unshown:
            waits += [LINGER_SECONDS, self._ended_at + LEFTOVER_SECONDS - now]
        return max(0.0, min(waits)) if waits else None

    def _handle_signals(self) -> None:
        for number in self._signals.read():
            if self._stop_reason == "interrupted":
                self._kill_and_drain()
            else:
                self._interrupt(number, 128 + number)

    def _interrupt(self, number: signal.Signals, exit_code: int, reason: StopReason = "interrupted") -> None:
        self._stop_reason, self._exit_code = reason, exit_code
        self._deadline = time.monotonic() + GRACE_SECONDS
        self._signal(number)

    def _read(self) -> None:
        if self._output.closed:
            return
        with suppress(BlockingIOError):
            data = os.read(self._output.fileno(), min(CHUNK, self._reply.free_bytes))
            self._reply.append(data)
            if self._screen_error is None:
                self._unshown += data if self._filter is None else self._filter.feed(data)
                self._last_byte = data[-1:] or self._last_byte
            if not data:
                self._output.close()
            elif not self._reply.free_bytes:
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
            self._unsent = self._unsent[:0]  # Because the command closed its standard input
        if not self._unsent:
            self._input.close()

    def _show(self) -> None:
        try:
            # PIPE_BUF at most, because a longer write could block and no signal would end it.
            del self._unshown[: os.write(self._screen, self._unshown[: select.PIPE_BUF])]
        except BlockingIOError:
            return
        except OSError as error:
            self._screen_error = error
            self._unshown.clear()
            if self._stop_reason is None and isinstance(error, BrokenPipeError):
                self._interrupt(signal.SIGTERM, READER_GONE)

    def _flush_screen(self) -> None:
        while self._unshown and wait((), (self._screen,), 0)[1]:
            self._show()

    def _kill_and_drain(self) -> None:
        """Kill the remaining processes, then read what they had written."""
        self.kill()
        self._process.wait()
        for _ in range(DRAIN_READS):
            if self._output.closed or not wait((self._output.fileno(),), (), 0)[0]:
                break
            self._read()
        self._output.close()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group, whose ID is the command's PID."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
