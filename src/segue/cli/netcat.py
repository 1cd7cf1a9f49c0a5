"""The program through which a shell without sockets of its own speaks to the daemon."""

import re
import shutil
import subprocess

LOOK_SECONDS = 2.0
SHELL_BUDGET_SECONDS = "0.04"
"""What one short process may take at a prompt, beside the time that starting it costs."""


def dial() -> tuple[list[str], str]:
    """A command, and what stands before the socket's path in its last argument; empty if this machine has none."""
    netcat = shutil.which("nc")
    usage = _usage(netcat) if netcat else ""
    if netcat and re.search(r"^\s*-U\b", usage, re.MULTILINE):
        # Only with -N does OpenBSD's leave when the shell does; elsewhere it is the rule, and -N something else.
        return ([netcat, "-N", "-U"] if re.search(r"-N\s+Shutdown", usage) else [netcat, "-U"]), ""
    socat = shutil.which("socat")
    return ([socat, "STDIO"], "UNIX-CONNECT:") if socat else ([], "")


def hurried() -> list[str]:
    """A command that ends the command after it when its time is up; empty if this machine has none."""
    for name in ("timeout", "gtimeout"):
        if found := shutil.which(name):
            return [found, SHELL_BUDGET_SECONDS]
    perl = shutil.which("perl")
    alarm = f"use Time::HiRes 'ualarm'; ualarm(1e6 * {SHELL_BUDGET_SECONDS}); exec @ARGV"
    return [perl, "-e", alarm] if perl else []


def _usage(program: str) -> str:
    try:
        shown = subprocess.run(  # noqa: S603 - the program found on the user's own path
            [program, "-h"], capture_output=True, stdin=subprocess.DEVNULL, timeout=LOOK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (shown.stdout + shown.stderr).decode(errors="replace")
