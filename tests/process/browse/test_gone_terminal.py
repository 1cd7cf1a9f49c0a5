"""The browser in a window that is closed."""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS


class Window:
    """A terminal window with the browser in it."""

    def __init__(self, segue: Cli) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            [SEGUE, "browse"],
            env={**segue.environment, "TERM": "xterm-256color"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.is_open = True

    def read_until(self, text: bytes) -> None:
        shown = b""
        while text not in shown:
            assert select.select([self.master], [], [], TIMEOUT_SECONDS)[0], shown
            shown += os.read(self.master, 65536)

    def stall(self) -> None:
        """Have the browser draw until its terminal, which the test does not read, takes no more for 100 keys."""
        os.set_blocking(self.master, False)
        taken = [-1]
        while len(taken) < 100 or len(set(taken[-100:])) > 1:
            with suppress(BlockingIOError):
                os.write(self.master, b"z")
            time.sleep(0.02)
            count = fcntl.ioctl(self.master, termios.FIONREAD, b"\0" * 4)
            taken.append(int.from_bytes(count, sys.byteorder))

    def close(self) -> None:
        if self.is_open:
            os.close(self.master)
        self.is_open = False


@pytest.fixture
def window(segued: Segued, segue: Cli) -> Iterator[Window]:
    """Open the browser in a window, and have it show a session."""
    wire = segued.connect()
    session_id = wire.call("session.create", working_dir=str(segue.directory))["id"]
    wire.call("message.append", session_id=session_id, role="user", content="What is open?")
    window = Window(segue)
    try:
        window.read_until(b"What is open?")
        yield window
    finally:
        window.process.kill()
        window.process.wait(TIMEOUT_SECONDS)
        window.close()


@pytest.mark.parametrize("is_stalled", [False, True])
def test_a_closed_window_ends_the_browser(window: Window, is_stalled: bool) -> None:
    """Also one that did not take what the browser drew, so that the browser waits for it."""
    if is_stalled:
        window.stall()
    window.close()
    assert window.process.wait(TIMEOUT_SECONDS) == -signal.SIGHUP
