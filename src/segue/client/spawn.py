"""Running `segued` in the background, on its own, and hearing from it how its start went."""

import fcntl
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from segue.client.daemon_log import open_journal
from segue.paths import Paths

SERVING, FAILED, ALREADY_RUNNING = 0, 1, 3
"""Exit codes of segued; 0 stands for a daemon that serves."""

SILENT = -1
"""Instead of an exit code: it said nothing in time."""

PROGRAM = "segued"
REPORT_BYTES = 8192
FIRST_FREE = 3

KEPT = {"HOME", "USER", "LOGNAME", "PATH", "LANG", "TZ", "TMPDIR"}
KEPT |= {"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
"""What stays of the environment; the second half because the interpreter may not start without it."""

KEPT_PREFIXES = ("SEGUE_", "XDG_", "LC_")


def launch(paths: Paths, seconds: float) -> tuple[int, str]:
    """Start segued at these places; returns its exit code, or 0 if it serves, and what it said.

    A daemon that is SILENT for so many seconds is left to itself: it may be migrating a large file.
    """
    reading, writing = _pipe()
    try:
        journal, path = open_journal()
        try:
            process = _run(
                _options(paths),
                stdin=subprocess.DEVNULL,
                stdout=journal,
                stderr=journal,
                cwd="/",
                env=_environment(os.environ, writing),
                start_new_session=True,
                pass_fds=[writing],
                umask=0o077,
            )
        except OSError as error:
            return FAILED, f"cannot run {error.filename or sys.executable}: {error.strerror}"
        finally:
            os.close(journal)
            os.close(writing)
            writing = -1
        # segued forks at once and the process that we started ends: nobody has to wait for the daemon itself.
        report = _read_line(reading, time.monotonic() + seconds)
        _reap(process)
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    return _parse(report, path)


def _pipe() -> tuple[int, int]:
    """A pipe that is not in the way of the standard streams of the child, as it is if ours are closed."""
    ends = os.pipe()
    try:
        reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE) for end in ends)
    finally:
        for end in ends:
            os.close(end)
    return reading, writing


def _run(options: list[str], **popen: Any) -> "subprocess.Popen[bytes]":
    """The segued of this very installation: the program beside the interpreter, else its module.

    A program that cannot be run is none: the first line of one that was moved names an interpreter that is gone.
    """
    beside = Path(sys.executable or "python3").with_name(PROGRAM)
    if sys.executable and os.access(beside, os.X_OK):
        with suppress(OSError):
            return subprocess.Popen([str(beside), *options], **popen)  # noqa: S603 - our own program
    module = [sys.executable or "python3", "-P", "-m", "segue.server"]
    return subprocess.Popen([*module, *options], **popen)  # noqa: S603


def _options(paths: Paths) -> list[str]:
    options = ["--socket", str(paths.socket), "--database", str(paths.database)]
    if paths.config_path.exists():
        options += ["--config", str(paths.config_path)]
    return options


def _environment(environ: "os._Environ[str]", report: int) -> dict[str, str]:
    """No socket of a service manager, no terminal and no desktop: it may outlive all of them."""
    kept = {name: value for name, value in environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
    return {**kept, "SEGUE_REPORT_FD": str(report)}


def _read_line(reading: int, deadline: float) -> bytes | None:
    """What comes until the end of a line or of the pipe; None if that does not come in time."""
    data = b""
    waiter = select.poll()  # not select: a caller may have a thousand files open
    waiter.register(reading, select.POLLIN)
    while not data.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not waiter.poll(left * 1000):
            return None
        chunk = os.read(reading, REPORT_BYTES)
        if not chunk:
            break
        data += chunk
    return data


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the process that has nothing left to do; one that hangs is not waited for."""
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.returncode = 0  # or it would be complained about; the interpreter reaps it some time


def _parse(report: bytes | None, journal: str) -> tuple[int, str]:
    if report is None:
        return SILENT, f"segued was started and does not serve yet; see {journal}"
    code, _, text = report.decode(errors="replace").strip().partition(" ")
    if not code.isdigit():
        return FAILED, f"segued ended before it served; see {journal}"
    return int(code), text
