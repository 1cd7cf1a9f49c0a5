"""`segue --host HOST`: run the command on another machine over ssh, where nothing but segue is installed."""

import os
import re
import shlex
import sys
from collections.abc import Sequence

from segue.cli.output.terminal import BadInput, Failure

SCRIPT = (
    "PATH=$PATH:$HOME/.local/bin; export PATH; "
    'command -v segue >/dev/null || { echo "segue: not installed on this host, or not in PATH or ~/.local/bin" >&2; '
    'exit 127; }; eval "exec segue $(printf %b "$0")"'
)
"""The script for sh on the host. ssh reads no profile there, so pipx's folder may not be in PATH.

`$0` is the arguments. The host's login shell passes both to sh. It may be any shell, and all of them agree only on a
word in single quotes without quotes, backslashes before them, line ends and exclamation marks.
"""

_UNSAFE = re.compile(rb"[^A-Za-z0-9 _./:=,@+-]")


def run_on_host(host: str, arguments: Sequence[str]) -> int:
    """Replace this process by ssh, which runs `segue` with the arguments on the host.

    Input, output and exit status are those of the command there; 255 if ssh fails. The command has a terminal if this
    one has.

    Raises:
        BadInput: The name of the host is malformed.
        Failure: ssh cannot be started.
    """
    if not host or host.startswith("-") or not host.isprintable() or " " in host:
        raise BadInput(f"--host: {host!r} is not the name of a host")
    streams = (sys.stdin, sys.stdout, sys.stderr)
    is_terminal = all(stream is not None and stream.isatty() for stream in streams)
    options = ["-t", "-o", "LogLevel=ERROR"] if is_terminal else []  # Without "Connection to HOST closed."
    sys.stdout.flush()
    try:
        os.execvp("ssh", ["ssh", *options, "--", host, remote_command(arguments)])  # noqa: S606, S607 - No shell here
    except FileNotFoundError:
        raise Failure("--host needs ssh, which is not installed") from None
    except OSError as error:  # Such as arguments that are too long
        raise Failure(f"ssh cannot be started: {error.strerror}") from None


def remote_command(arguments: Sequence[str]) -> str:
    """Return the command for the login shell of the host."""
    words = os.fsencode(shlex.join(arguments))
    encoded = _UNSAFE.sub(lambda found: b"\\0%03o" % found[0][0], words).decode()
    return f"sh -c '{SCRIPT}' '{encoded}'"
