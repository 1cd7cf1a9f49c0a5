"""segued under strace, which makes its system calls fail or kills it in the midst of one."""

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
    "bind",
    "listen",
    "accept4",
    "sendto",
)
"""What can fail on the way of a write to the disk and of an answer to its client."""

_CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)\(")
_INJECTED = "(INJECTED)"


class Fault(NamedTuple):
    """The N-th call in each thread goes wrong."""

    call: str
    what: str
    """Name of an errno, or KILL."""
    number: int
    lasting: bool = False
    """Whether every later call goes wrong too."""
    step: int = 0
    """If it is not 0, each so manieth call after that goes wrong too."""

    def __str__(self) -> str:
        return f"{self.call}:{self.what}:{self.number}"

    @property
    def injection(self) -> str:
        """How strace is told."""
        what = "signal=KILL" if self.what == "KILL" else f"error={self.what}"
        later = "+" if self.lasting else f"+{self.step}" if self.step else ""
        return f"inject={self.call}:{what}:when={self.number}{later}"


class Traced(Segued):
    """The real program as strace's child; with a fault, or only recorded."""

    def __init__(self, folder: Path, fault: Fault | None = None) -> None:
        super().__init__(folder)
        self.trace = folder / "trace"
        traced = [fault.call] if fault else CALLS
        self._strace = ["strace", "-f", "-qq", "-o", os.fspath(self.trace), "-e", "signal=none"]
        self._strace += ["-e", f"trace={','.join(traced)}", *([] if fault is None else ["-e", fault.injection])]
        if fault is None or fault.what != "KILL":  # it makes all other calls fast, but loses signals
            self._strace.append("--seccomp-bpf")
        if fault is not None and fault.call == "openat":  # or it is the files of the interpreter that cannot be opened
            self._strace += [word for path in self._own_paths() for word in ("-P", os.fspath(path))]
        self._segued = self.program

    def trace_next(self) -> None:
        """Have the next process run under strace."""
        self.program = [*self._strace, *self._segued]

    def trace_no_more(self) -> None:
        """Have the next process run alone."""
        self.program = self._segued

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "PYTHONDONTWRITEBYTECODE": "1"}

    def kill_group(self) -> None:
        """End strace and what it traces; for a process started in a session of its own."""
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def injected(self) -> int:
        """How many calls went wrong."""
        return self.trace.read_text(errors="replace").count(_INJECTED)

    def counts(self) -> dict[str, int]:
        """For each call how often the thread that made it most often did so."""
        own = [f'"{path}"' for path in self._own_paths()]
        threads: dict[str, Counter[str]] = defaultdict(Counter)
        for line in self.trace.read_text(errors="replace").splitlines():
            found = _CALL.match(line)
            if found and (found[2] != "openat" or any(path in line for path in own)):
                threads[found[2]][found[1]] += 1
        return {call: max(threads[call].values()) for call in CALLS if call in threads}

    def _own_paths(self) -> list[Path]:
        beside = [
            self.database.with_name(self.database.name + suffix) for suffix in ("-wal", "-shm", "-journal", ".lock")
        ]
        return [self.database, *beside, self.record, self.database.parent, self.socket.parent]


def version() -> str:
    """Strace's own word; it is needed, not optional."""
    return subprocess.run(["strace", "-V"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
