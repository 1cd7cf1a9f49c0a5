"""Checks of the service manager and the shell. Both are optional."""

import getpass
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from segue.cli.doctor.result import Result, ok, warning
from segue.cli.integration.managed_files import State, state_of
from segue.cli.integration.netcat import find_connector
from segue.cli.integration.unit_files import plan
from segue.cli.output.session_table import short_directory
from segue.cli.output.terminal import Failure
from segue.paths import Paths

MANAGER_SECONDS = 3.0
"""Seconds: timeout of a question to the service manager."""

LINGER = Path("/var/lib/systemd/linger")

STARTUP_FILES = {
    "zsh": [".zshrc", ".zshenv", ".zprofile"],
    "bash": [".bashrc", ".bash_profile", ".profile"],
    "fish": [".config/fish/config.fish", ".config/fish/conf.d"],
}
LINES = {"fish": "segue init fish | source", "zsh": 'eval "$(segue init zsh)"', "bash": 'eval "$(segue init bash)"'}
LOADED = re.compile(r"^[^#\n]*\bsegue\b[^\n]*\binit\b", re.MULTILINE)


def check_service(paths: Paths) -> Result:
    """Return the result for the unit files, whether they are enabled, and whether they run without a login."""
    try:
        units = plan(paths).units
    except Failure as error:
        return ok("service", str(error))
    states = {unit.path: state_of(unit.path, unit.text) for unit in units}
    if all(state is State.ABSENT for state in states.values()):
        return ok("service", "not installed, and not needed: commands start the daemon; see: segue help daemon")
    for path, state in states.items():
        if state is not State.CURRENT:
            return warning("service", f"{short_directory(str(path))}: {state}; see: segue service status")
    if not sys.platform.startswith("linux"):
        return ok("service", "installed")
    if _ask_systemd("is-enabled", "segued.socket") == "disabled":
        return warning("service", "installed, but not enabled; run: systemctl --user enable --now segued.socket")
    if not (LINGER / getpass.getuser()).exists():
        return ok("service", "installed; it ends when you log out, unless you run: loginctl enable-linger")
    return ok("service", "installed, and it runs without a login")


def check_shell(home: Path) -> Iterator[Result]:
    """Yield the results for the shell integration and the program with which it connects."""
    shell = Path(os.environ.get("SHELL", "")).name
    if shell not in STARTUP_FILES:
        yield ok("shell", f"no integration for {shell or 'an unknown shell'}; there is one for zsh, bash and fish")
        return
    file = _find_line(home, shell)
    if file is None:
        yield ok("shell", f"{shell} shows no session yet; add to {_startup_file(shell)}: {LINES[shell]}")
        return
    yield ok("shell", f"{short_directory(str(file))} loads it; if the prompt shows nothing, see: segue help shell")
    if shell == "zsh":  # It has sockets
        return
    command, _ = find_connector()
    if command:
        yield ok("netcat", " ".join(command))
    else:
        yield warning("netcat", f"{shell} cannot ask the daemon; install a netcat that supports -U, or socat")


def _startup_file(shell: str) -> str:
    return f"~/{STARTUP_FILES[shell][0]}"


def _find_line(home: Path, shell: str) -> Path | None:
    folder = Path(os.environ.get("ZDOTDIR") or home) if shell == "zsh" else home
    for name in STARTUP_FILES[shell]:
        path = folder / name
        for file in sorted(path.glob("*.fish")) if path.is_dir() else [path]:
            with suppress(OSError):
                if LOADED.search(file.read_text(errors="replace")):
                    return file
    return None


def _ask_systemd(*arguments: str) -> str:
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - The program comes from the user's own PATH
            [systemctl, "--user", *arguments], capture_output=True, timeout=MANAGER_SECONDS, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
