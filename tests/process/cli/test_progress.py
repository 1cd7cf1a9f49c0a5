"""A long command that is interrupted, beside a daemon that works on without an answer."""

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli, Terminal

JOB = {"job": "scrub", "step": "searching", "done": 300, "total": 1200, "unit": "rows"}
SAID = "interrupted at 300 of 1 200 rows; segued completes it unless you stop it; a later scrub does the rest"


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Let Ctrl-C interrupt the commands; a shell that runs the tests in the background makes them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[str]:
    """Yield the socket of a daemon that never ends a scrub."""
    path = tmp_path / "busy.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve(connected: socket.socket) -> None:
        with connected, connected.makefile("rw") as stream:
            for line in stream:
                request = json.loads(line)
                results = {"daemon.ping": "pong", "daemon.status": {"jobs": [JOB]}}
                if (result := results.get(request["method"])) is not None:
                    stream.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}) + "\n")
                    stream.flush()

    def accept() -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connected,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield str(path)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_ctrl_c_says_what_is_done_and_how_to_continue(segue: Cli, busy: str) -> None:
    command = [SEGUE, "--socket", busy, "scrub", "--yes"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=segue.environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "segue: scrub: searching (1 200 rows)\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == f"segue: {SAID}\n"
    assert process.returncode == 130


def test_a_terminal_shows_a_bar_until_ctrl_c(segue: Cli, busy: str) -> None:
    environment = {**segue.environment, "TERM": "xterm"}
    terminal = Terminal([SEGUE, "--socket", busy, "scrub", "--yes"], environment, segue.directory, 100)
    terminal.read_until("300 of 1 200 rows")
    os.killpg(terminal.process.pid, signal.SIGINT)
    assert terminal.finish()[0] == 130
    assert terminal.screen.endswith(f"\r\x1b[Ksegue: {SAID}\r\n")
