"""The program through which a shell without sockets of its own speaks to the daemon."""

import re
import shutil
import subprocess

LOOK_SECONDS = 2.0


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
    """A command that takes seconds and a command, which it ends after them; empty if this machine has none."""
    for name in ("timeout", "gtimeout"):
        if found := shutil.which(name):
            return [found]
    perl = shutil.which("perl")
    return [perl, "-e", "use Time::HiRes 'ualarm'; ualarm(1e6 * shift); exec @ARGV"] if perl else []


def _usage(program: str) -> str:
    try:
        shown = subprocess.run(  # noqa: S603 - the program found on the user's own path
            [program, "-h"], capture_output=True, stdin=subprocess.DEVNULL, timeout=LOOK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (shown.stdout + shown.stderr).decode(errors="replace")
