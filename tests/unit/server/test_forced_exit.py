"""An exit that hangs is ended, and the log says so, unless its reader hangs too."""

import fcntl
import os
import subprocess
import sys

from tests.support.wire import TIMEOUT_SECONDS

HANGING = """
import sys, threading
import anyio
from segue.server.process import signals
from segue.server.process.log_format import start_logging

signals.EXIT_SECONDS = 0.1

async def main():
    shutdown = signals.Shutdown()
    shutdown.requested.set()
    await signals.force_exit(shutdown)
    threading.Event().wait(100)

start_logging("info")
sys.stderr.write(" " * int(sys.argv[1]))
sys.stderr.flush()
anyio.run(main)
"""


def hang(filling: int, stderr: int) -> int:
    program = [sys.executable, "-c", HANGING, str(filling)]
    return subprocess.run(program, stderr=stderr, timeout=TIMEOUT_SECONDS, check=False).returncode


def test_an_exit_that_hangs_is_ended_with_a_line_in_the_log() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as log:
        code = hang(0, writing)
        os.close(writing)
        lines = log.read().decode().splitlines()
    assert code == 1
    assert len(lines) == 1
    assert "ERROR segue.server: the exit took longer than 0.1 s, exiting for a restart" in lines[0]


def test_an_exit_that_hangs_is_ended_though_the_log_is_not_read() -> None:
    reading, writing = os.pipe()
    try:
        assert hang(fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ), writing) == 1
    finally:
        os.close(reading)
        os.close(writing)
