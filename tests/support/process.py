"""The real `segued`: start it, send it signals, and check its log and files at the end (as Core Lightning does)."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.support.leak_check import check_secrecy
from tests.support.wire import TIMEOUT_SECONDS, Wire

PROGRAMS = Path(sys.executable).parent
"""The folder of `segued` and `segue`."""


READY_SECONDS = 120
"""Seconds for a start, which takes 0.4 s of the processor, on a slow machine that does much else."""


class Segued:
    """One database, and the processes that serve it one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "data" / "sessions.db"
        self.socket = folder / "run" / "segued.sock"
        self.config = folder / "config.toml"
        self.program = [str(PROGRAMS / "segued")]
        self.named = True
        """True if the environment names the socket."""
        self.allowed_errors: list[str] = []
        """Patterns of ERROR lines that the test provokes."""
        self.log: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._ready = threading.Event()
        self._wires: list[Wire] = []

    @property
    def environment(self) -> dict[str, str]:
        """Return an environment with its own home, in which segued and segue find each other."""
        named = {"SEGUE_SOCKET": str(self.socket)} if self.named else {}
        return {
            **named,
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "SEGUE_DATABASE": str(self.database),
            "SEGUE_CONFIG": str(self.config),
            "SEGUE_NO_AUTOSTART": "1",
            "LANG": "C.UTF-8",
        }

    def start(self, *options: str, **popen: object) -> "Segued":
        """Return when the ready line is written. Raise AssertionError with the log if it is not."""
        self.launch(*options, **popen)
        return self.wait_ready()

    def wait_end_of_start(self) -> None:
        """Return when the process serves or has ended. Raise AssertionError after the timeout."""
        assert self._ready.wait(READY_SECONDS), f"not ready: {self.log}"

    def wait_ready(self) -> "Segued":
        """Return when the process that was launched serves."""
        assert self._ready.wait(READY_SECONDS), f"not ready: {self.log}"
        assert self.process is not None
        assert "ready on" in "".join(self.log), f"exit {self.process.wait(TIMEOUT_SECONDS)}: {self.log}"
        return self

    def launch(self, *options: str, **popen: object) -> subprocess.Popen[str]:
        """Start the process, and do not wait."""
        self._ready = threading.Event()
        arguments: dict[str, object] = {"env": self.environment, "stdin": subprocess.DEVNULL, **popen}
        self.process = subprocess.Popen(  # type: ignore[call-overload]
            [*self.program, *options], stderr=subprocess.PIPE, text=True, **arguments
        )
        self._reader = threading.Thread(target=self._read_log, args=(self.process, self._ready))
        self._reader.start()
        return self.process

    def fail(self, *options: str, **popen: object) -> tuple[int, list[str]]:
        """Run it where it cannot start. Return the exit status and the lines on stderr."""
        arguments: dict[str, Any] = {"env": self.environment, "stdin": subprocess.DEVNULL, **popen}
        done = subprocess.run(
            [*self.program, *options],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
            **arguments,
        )
        assert done.stdout == ""
        return done.returncode, done.stderr.splitlines()

    def refuse(self, code: int, subject: str, *options: str, **popen: object) -> str:
        """Run it where it cannot start. Return its only line, which names the subject."""
        found, lines = self.fail(*options, **popen)
        assert (found, len(lines)) == (code, 1), "\n".join(lines)
        assert lines[0].startswith(f"segued: {subject}: "), lines
        return lines[0]

    @property
    def record(self) -> Path:
        return self.database.with_name("daemon.json")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def connect(self) -> Wire:
        wire = Wire(self.socket)
        self._wires.append(wire)
        return wire

    def stop(self) -> int:
        """Stop it as a service manager does. Return the exit status."""
        return self.signal(signal.SIGTERM)

    def kill(self) -> int:
        return self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> int:
        """Send the signal and wait for the end. Return the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit status when the process has ended and its log is read."""
        assert self.process is not None
        assert self._reader is not None
        code = self.process.wait(TIMEOUT_SECONDS)
        self._reader.join(TIMEOUT_SECONDS)
        return code

    def finish(self) -> None:
        """Stop the process if it runs, and check the log, the files, their modes and the database."""
        for wire in self._wires:
            wire.close()
        if self.process is not None and self.process.poll() is None:
            assert self.stop() == 0, self.log
        if self._reader is not None:
            self._reader.join(TIMEOUT_SECONDS)
        self.check_log()
        self.check_secrecy()
        self.check_files()
        self.check_database()

    def check_log(self) -> None:
        allowed = [re.compile(pattern) for pattern in self.allowed_errors]
        for line in self.log:
            bad = " ERROR " in line or " CRITICAL " in line or "Traceback" in line or "Warning:" in line
            assert not bad or any(pattern.search(line) for pattern in allowed), "".join(self.log)

    def check_secrecy(self) -> None:
        """Fail if a text of a client is in the log or in an error to another client."""
        check_secrecy(self.log, [wire.said for wire in self._wires], str(self.folder))

    def check_files(self) -> None:
        for folder in (self.database.parent, self.socket.parent):
            for path in folder.glob("**/*") if folder.exists() else ():
                found = path.lstat()
                private = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
                assert stat.S_IMODE(found.st_mode) == private, f"{path} has mode {stat.S_IMODE(found.st_mode):o}"
        name = self.database.name
        made = {f"{name}{suffix}" for suffix in ("", "-wal", "-shm", ".lock", ".start")}
        beside = {"run"} if self.socket.parent == self.database.parent / "run" else set()
        self._check_names(self.database.parent, {*made, "daemon.json", "sync.key", "sync.mark", "sync.rekey", *beside})
        self._check_names(self.socket.parent, {self.socket.name, f"{self.socket.name}.lock"})

    def _check_names(self, folder: Path, expected: set[str]) -> None:
        names = {path.name for path in folder.glob("*")} if folder.exists() else set()
        assert names <= expected, names

    def check_database(self) -> None:
        if self.database.exists() and self.database.stat().st_size:
            with sqlite3.connect(self.database) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.close()

    def _read_log(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.log.append(line)
                if "segued: ready on" in line:
                    ready.set()
        ready.set()
