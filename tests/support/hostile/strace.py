"""segued under strace, which makes system calls fail or kills the daemon in one."""

import os
import re
import signal
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

from tests.support.process import Segued

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

BY_PATH = ("openat", "fcntl")
"""The calls that fail only for the files of the daemon, because the interpreter needs them for its own."""

_CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)\(")
_INJECTED = "(INJECTED)"


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
        return f"{self.call}:{self.what}:{self.number}"

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
        if fault is not None and fault.call in BY_PATH:
            self._strace += [word for path in self._own_paths() for word in ("-P", os.fspath(path))]
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
        own = [f"{quote}{path}" for path in self._own_paths() for quote in '"<']
        threads: dict[str, Counter[str]] = defaultdict(Counter)
        for line in self.trace.read_text(errors="replace").splitlines():
            found = _CALL.match(line)
            if found and (found[2] not in BY_PATH or any(path in line for path in own)):
                threads[found[2]][found[1]] += 1
        return {call: max(threads[call].values()) for call in CALLS if call in threads}

    def _own_paths(self) -> list[Path]:
        beside = [
            self.database.with_name(self.database.name + suffix) for suffix in ("-wal", "-shm", "-journal", ".lock")
        ]
        return [self.database, *beside, self.record, self.database.parent, self.socket.parent]


def version() -> str:
    """Return the version line of strace; fail without strace."""
    return subprocess.run(["strace", "-V"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
