"""The programs with which bash and fish connect to the daemon, because they have no sockets of their own."""

import re
import shutil
import subprocess

USAGE_SECONDS = 2.0
"""Seconds: timeout of `nc -h`."""


def find_connector() -> tuple[list[str], str]:
    """Return a command and the prefix of the socket path in its last argument; empty if neither is installed."""
    netcat = shutil.which("nc")
    usage = _usage(netcat) if netcat else ""
    if netcat and re.search(r"^\s*-U\b", usage, re.MULTILINE):
        # OpenBSD's netcat exits at the end of its input only with -N. Elsewhere -N means something else.
        return ([netcat, "-N", "-U"] if re.search(r"-N\s+Shutdown", usage) else [netcat, "-U"]), ""
    socat = shutil.which("socat")
    return ([socat, "STDIO"], "UNIX-CONNECT:") if socat else ([], "")


def find_timeout() -> list[str]:
    """Return a command that takes seconds and a command to run with that timeout; empty if none is installed."""
    for name in ("timeout", "gtimeout"):
        if found := shutil.which(name):
            return [found]
    perl = shutil.which("perl")
    return [perl, "-e", "use Time::HiRes 'ualarm'; ualarm(1e6 * shift); exec @ARGV"] if perl else []


def _usage(program: str) -> str:
    try:
        shown = subprocess.run(  # noqa: S603 - The program comes from the user's own PATH
            [program, "-h"], capture_output=True, stdin=subprocess.DEVNULL, timeout=USAGE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (shown.stdout + shown.stderr).decode(errors="replace")
