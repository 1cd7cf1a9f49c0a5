"""Run `segued` in the background and read its start-up report."""

import fcntl
import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from segue.client.autostart.daemon_log import open_log
from segue.paths import Paths
from segue.runtime.progress import STARTING

SERVING, FAILED, ALREADY_RUNNING = 0, 1, 3
"""Exit statuses of segued; 0 stands for a daemon that serves."""

NO_REPORT = -1
"""Number: returned instead of an exit status when segued reports nothing in time."""

PROGRAM = "segued"
REPORT_BYTES = 8192
FIRST_FREE_DESCRIPTOR = 3

INHERITED = {"HOME", "USER", "LOGNAME", "PATH", "LANG", "TZ", "TMPDIR"}
INHERITED |= {"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
"""Names: the variables that the daemon inherits. The interpreter may not start without those of the second line."""

INHERITED_PREFIXES = ("SEGUE_", "XDG_", "LC_")


def spawn_daemon(paths: Paths, seconds: float) -> tuple[int, str]:
    """Start segued with these paths; return its exit status, or 0 if it serves, and its report.

    While the daemon migrates a large file, it reports its steps, which STARTING shows. A daemon that reports nothing
    within `seconds` continues to run.
    """
    reading, writing = _pipe()
    try:
        log, log_name = open_log()
        try:
            process = _run(
                _options(paths),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=_environment(os.environ, writing),
                start_new_session=True,
                pass_fds=[writing],
                umask=0o077,
            )
        except OSError as error:
            return FAILED, f"cannot run {error.filename or sys.executable}: {error.strerror}"
        finally:
            os.close(log)
            os.close(writing)
            writing = -1
        # segued forks immediately and the process started here exits, so the daemon is not a child of the client.
        report = _read_report(reading, seconds)
        _reap(process)
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    return _parse(report, log_name)


def _pipe() -> tuple[int, int]:
    """Return a pipe with descriptors above 2, because those below become the standard streams of the child."""
    ends = os.pipe()
    try:
        reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE_DESCRIPTOR) for end in ends)
    finally:
        for end in ends:
            os.close(end)
    return reading, writing


def _run(options: list[str], **popen: Any) -> "subprocess.Popen[bytes]":
    """Run the segued of this installation: the program beside the interpreter, else the module.

    The program cannot run if the installation was moved, because its first line names the old interpreter.
    """
    beside = Path(sys.executable or "python3").with_name(PROGRAM)
    if sys.executable and os.access(beside, os.X_OK):
        with suppress(OSError):
            return subprocess.Popen([str(beside), *options], **popen)  # noqa: S603 - the program of this package
    module = [sys.executable or "python3", "-P", "-m", "segue.server"]
    return subprocess.Popen([*module, *options], **popen)  # noqa: S603


def _options(paths: Paths) -> list[str]:
    options = ["--socket", str(paths.socket), "--database", str(paths.database)]
    if paths.config_path.exists():
        options += ["--config", str(paths.config_path)]
    return options


def _environment(environ: "os._Environ[str]", report: int) -> dict[str, str]:
    """Return the variables of the daemon: no service manager, terminal or desktop, because it may outlive them."""
    inherited = {
        name: value for name, value in environ.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)
    }
    return {**inherited, "SEGUE_REPORT_FD": str(report), "SEGUE_REPORT_STEPS": "1"}


def _read_report(reading: int, seconds: float) -> bytes | None:
    """Read to the line with the exit status or to the end of the pipe; None if nothing comes for `seconds`."""
    data = b""
    poll = select.poll()  # Not select, which fails for descriptors above 1023.
    poll.register(reading, select.POLLIN)
    while not data.endswith(b"\n"):
        if not poll.poll(seconds * 1000):
            return None
        chunk = os.read(reading, REPORT_BYTES)
        if not chunk:
            break
        *steps, data = (data + chunk).splitlines(keepends=True)
        if data.startswith(b"+") and data.endswith(b"\n"):
            steps, data = [*steps, data], b""
        for step in steps:
            show_step(step.decode(errors="replace"))
    return data


def show_step(line: str) -> None:
    """Show how far the migration is, by a line of the report."""
    _, done, total, *step = line.split()
    STARTING.set(" ".join(step), int(done), int(total), "steps")


def _reap(process: "subprocess.Popen[bytes]") -> None:
    """Wait up to 1 s for the process that forked the daemon."""
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.returncode = 0  # Without it, subprocess would warn. The interpreter reaps the process later.


def _parse(report: bytes | None, log_name: str) -> tuple[int, str]:
    if report is None:
        return NO_REPORT, f"segued was started and does not serve yet; see {log_name}"
    code, _, text = report.decode(errors="replace").strip().partition(" ")
    if not code.isdigit():
        return FAILED, f"segued exited before it served; see {log_name}"
    return int(code), text
