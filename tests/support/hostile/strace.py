"""segued under strace, which makes system calls fail or kills the daemon in one."""

import os
import re
import signal
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS

CALLS = (
    "pwrite64",
    "fdatasync",
    "fsync",
    "openat",
    "ftruncate",
    "rename",
    "unlink",
    "fcntl",
    "bind",
    "listen",
    "accept4",
    "sendto",
)
"""The system calls between a request and its answer."""

EXIT_CALLS = (
    "pwrite64",
    "pread64",
    "fdatasync",
    "openat",
    "ftruncate",
    "unlink",
    "fcntl",
    "newfstatat",
    "close",
    "sendto",
)
"""The system calls from the last requests to the end of the process."""

BY_PATH = ("openat", "fcntl", "newfstatat", "close")
"""The calls that fail only for the files of the daemon, because the interpreter needs them for its own."""

_CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)\(")
_INJECTED = "(INJECTED)"
_KILLED = "+++ killed by SIGKILL"


class Fault(NamedTuple):
    """A failure of the N-th call in each thread."""

    call: str
    what: str
    """The name of an errno, or KILL."""
    number: int
    lasting: bool = False
    """True if every later call fails too."""
    step: int = 0
    """If not 0, every STEP-th call after that fails too."""

    def __str__(self) -> str:
        return f"{self.call}:{self.what}:{self.number}{'+' if self.lasting else ''}"

    @property
    def injection(self) -> str:
        """Return the option of strace."""
        what = "signal=KILL" if self.what == "KILL" else f"error={self.what}"
        later = "+" if self.lasting else f"+{self.step}" if self.step else ""
        return f"inject={self.call}:{what}:when={self.number}{later}"


class Traced(Segued):
    """The real program under strace, with a fault or only recorded."""

    def __init__(self, folder: Path, fault: Fault | None = None) -> None:
        super().__init__(folder)
        self.trace = folder / "trace"
        traced = [fault.call] if fault else CALLS
        self._strace = ["strace", "-f", "-qq", "-o", os.fspath(self.trace), "-y", "-e", "signal=none"]
        self._strace += ["-e", f"trace={','.join(traced)}", *([] if fault is None else ["-e", fault.injection])]
        if fault is None or fault.what != "KILL":  # it makes the other calls fast, but loses signals
            self._strace.append("--seccomp-bpf")
        if fault is not None:
            self._strace += _path_options(fault, own_paths(self))
        self._segued = self.program

    def trace_next(self) -> None:
        """Run the next process under strace."""
        self.program = [*self._strace, *self._segued]

    def stop_tracing(self) -> None:
        """Run the next process without strace."""
        self.program = self._segued

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "PYTHONDONTWRITEBYTECODE": "1"}

    def kill_group(self) -> None:
        """Kill strace and the traced process, which were started in their own session."""
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def injected(self) -> int:
        """Return how many calls failed."""
        return self.trace.read_text(errors="replace").count(_INJECTED)

    def counts(self) -> dict[str, int]:
        """Return for each call the largest number of any thread."""
        return _count(self.trace, CALLS, own_paths(self))


class Attached:
    """strace attached to a running daemon until that ends, with a fault or only recording."""

    def __init__(self, segued: Segued, trace: Path, fault: Fault | None = None) -> None:
        self._trace = trace
        self._own_paths = own_paths(segued)
        traced = [fault.call] if fault else EXIT_CALLS
        command = ["strace", "-f", "-o", os.fspath(trace), "-y", "-e", "signal=none", "-e", f"trace={','.join(traced)}"]
        if fault is not None:
            command += ["-e", fault.injection, *_path_options(fault, self._own_paths)]
        self._process = subprocess.Popen([*command, "-p", str(segued.pid)], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        line = self._process.stderr.readline()  # Written when all threads are attached.
        assert "attached" in line, line

    def close(self) -> None:
        """Wait for the end of strace, which ends after the daemon."""
        self._process.communicate(timeout=TIMEOUT_SECONDS)

    def injected(self) -> int:
        """Return how many calls failed or were the last."""
        text = self._trace.read_text(errors="replace")
        return text.count(_INJECTED) + text.count(_KILLED)

    def counts(self) -> dict[str, int]:
        """Return for each call the largest number of any thread."""
        return _count(self._trace, EXIT_CALLS, self._own_paths)


def own_paths(segued: Segued) -> list[Path]:
    """Return the files and folders of a daemon."""
    suffixes = ("-wal", "-shm", "-journal", ".lock")
    beside = [segued.database.with_name(segued.database.name + suffix) for suffix in suffixes]
    return [segued.database, *beside, segued.record, segued.database.parent, segued.socket.parent]


def _path_options(fault: Fault, paths: list[Path]) -> list[str]:
    return [word for path in paths for word in ("-P", os.fspath(path))] if fault.call in BY_PATH else []


def _count(trace: Path, calls: Sequence[str], paths: list[Path]) -> dict[str, int]:
    own = [f"{quote}{path}" for path in paths for quote in '"<']
    threads: dict[str, Counter[str]] = defaultdict(Counter)
    for line in trace.read_text(errors="replace").splitlines():
        found = _CALL.match(line)
        if found and (found[2] not in BY_PATH or any(path in line for path in own)):
            threads[found[2]][found[1]] += 1
    return {call: max(threads[call].values()) for call in calls if call in threads}


def version() -> str:
    """Return the version line of strace; fail without strace."""
    return subprocess.run(["strace", "-V"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
