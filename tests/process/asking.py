"""`segue ask` while it runs, and a gate that its model waits at."""

import os
import select
import signal
import subprocess
from pathlib import Path
from typing import IO, Any

from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS


class Gate:
    """A named pipe: `read _ <gate` in a model's command continues once the gate is opened."""

    def __init__(self, directory: Path, name: str = "gate") -> None:
        path = directory / name
        os.mkfifo(path)
        # Both ends, so that neither side waits for the other to come.
        self._descriptor = os.open(path, os.O_RDWR)

    def open(self) -> None:
        os.write(self._descriptor, b"\n")

    def close(self) -> None:
        os.close(self._descriptor)


class Asking:
    """A running `segue ask` between pipes."""

    def __init__(self, segue: Cli, *arguments: str, **popen: Any) -> None:
        self.seen = b""
        self.process = subprocess.Popen(
            [SEGUE, "ask", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=segue.directory,
            env=segue.environment,
            **popen,
        )

    def read_until(self, text: bytes) -> None:
        """Return when the text came out; AssertionError if the output ends before."""
        assert self.process.stdout is not None
        while text not in self.seen:
            data = read(self.process.stdout)
            assert data, f"never written: {text!r} in {self.seen!r}"
            self.seen += data

    def read_complaint(self, text: bytes) -> None:
        """Return when the text came out on stderr."""
        assert self.process.stderr is not None
        seen = b""
        while text not in seen:
            data = read(self.process.stderr)
            assert data, f"never told: {text!r} in {seen!r}"
            seen += data

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def finish(self) -> tuple[int, bytes, str]:
        """Return the exit code, all of the output, and what was not yet read of stderr."""
        out, err = self.process.communicate(timeout=TIMEOUT_SECONDS)
        return self.process.returncode, self.seen + out, err.decode()


def read(pipe: IO[bytes]) -> bytes:
    """Return the next bytes of a pipe, none at its end or after the timeout."""
    return os.read(pipe.fileno(), 65536) if select.select([pipe], [], [], TIMEOUT_SECONDS)[0] else b""


def messages(segued: Segued) -> list[dict[str, Any]]:
    """Return all that is stored, in its order."""
    found: list[dict[str, Any]] = segued.connect().call("message.list")["messages"]
    return found


def contents(segued: Segued) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in messages(segued)]


def is_alive(pid: int) -> bool:
    """Return True while the process runs; one that only waits to be reaped does not."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            return stat.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
        except (FileNotFoundError, ProcessLookupError):
            return False
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
