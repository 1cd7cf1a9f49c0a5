"""Unit files for systemd and launchd, and the commands that activate them."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import click
import platformdirs

from segue.cli.output.terminal import Failure
from segue.paths import APP, Paths

LABEL = "org.segue.segued"

PROGRAM, SOCKET, DATA = "%h/.local/bin/segued", "%t/segue/segued.sock", "%h/.local/share/segue"
"""Placeholders in the systemd files."""

PLIST_PROGRAM, PLIST_LOG = "<string>/usr/local/bin/segued</string>", "/Users/Shared/segued.log"


class Unit(NamedTuple):
    """One file of a service manager."""

    path: Path
    text: str


class Plan(NamedTuple):
    """The files, and the commands to run after they are installed or removed."""

    units: list[Unit]
    start_commands: list[str]
    stop_commands: list[str]


def plan(paths: Paths, *, hardened: bool = False, platform: str = sys.platform) -> Plan:
    """Return the files for this platform.

    Raises:
        Failure: The platform has no known service manager, or segued is not installed.
        click.UsageError: A path contains control characters.
    """
    if platform == "darwin":
        return _launchd(paths)
    if platform.startswith("linux"):
        return _systemd(paths, hardened=hardened)
    raise Failure(f"no service manager is known for {platform}; run segued yourself")


def template(name: str) -> str:
    """Return the template, from the installed package or the source tree."""
    package = Path(__file__).parents[2]
    installed, cloned = package / "units" / name, package.parents[1] / name
    return (installed if installed.exists() else cloned).read_text(encoding="utf-8")


def _systemd(paths: Paths, *, hardened: bool) -> Plan:
    folder = platformdirs.user_config_path() / "systemd" / "user"
    command = " ".join(_quoted(word, dollars=True) for word in _command(paths))
    socket = _plain(str(paths.socket)).replace("%", "%%") if paths.socket_explicit else SOCKET
    units = [
        _filled(folder, "segued.service", {PROGRAM: command}),
        _filled(folder, "segued.socket", {SOCKET: socket}),
    ]
    if hardened:
        written = {DATA: _quoted(str(paths.database.parent))}
        if paths.socket_explicit:
            written["%t/segue"] = _quoted(str(paths.socket.parent))
        units.append(_filled(folder, "segued.service.d/hardening.conf", written))
    systemctl = "systemctl --user"
    return Plan(
        units,
        ["segue rpc daemon.shutdown", f"{systemctl} daemon-reload", f"{systemctl} enable --now segued.socket"],
        [f"{systemctl} stop segued.socket segued.service", f"{systemctl} daemon-reload"],
    )


def _launchd(paths: Paths) -> Plan:
    command = _command(paths)
    if paths.socket_explicit:
        command += ["--socket", str(paths.socket)]
    words = "\n\t\t".join(f"<string>{escape(_plain(word))}</string>" for word in command)
    library = Path.home() / "Library"
    log = escape(_plain(str(library / "Logs" / "segued.log")))
    text = _replaced("launchd", f"{LABEL}.plist", {PLIST_PROGRAM: words, PLIST_LOG: log})
    path = library / "LaunchAgents" / f"{LABEL}.plist"
    domain = f"gui/{os.getuid()}"
    return Plan(
        [Unit(path, text)],
        ["segue rpc daemon.shutdown", f"launchctl bootstrap {domain} {shlex.quote(str(path))}"],
        [f"launchctl bootout {domain}/{LABEL}"],
    )


def _filled(folder: Path, name: str, values: dict[str, str]) -> Unit:
    return Unit(folder / name, _replaced("systemd", name, values))


def _replaced(manager: str, name: str, values: dict[str, str]) -> str:
    """Return the template with all placeholders replaced in one pass, because a value may look like a placeholder."""
    paths = "|".join(map(re.escape, values))
    return re.sub(paths, lambda found: values[found[0]], template(f"{manager}/{name}"))


def _command(paths: Paths) -> list[str]:
    """Return the command that runs segued of this installation with the given paths."""
    beside = Path(sys.executable).with_name("segued")
    program = str(beside) if os.access(beside, os.X_OK) else shutil.which("segued")
    if program is None:
        raise Failure(f"cannot find segued at {beside} or in PATH; install segue first")
    command = [os.path.abspath(program)]
    if paths.database_explicit and paths.config.daemon.database is None and not paths.has_default_database:
        command += ["--database", str(paths.database)]
    if paths.config_path != platformdirs.user_config_path(APP) / "config.toml":
        command += ["--config", str(paths.config_path)]
    return command


def _quoted(word: str, *, dollars: bool = False) -> str:
    """Return the word quoted for systemd, which would expand specifiers and variables and split at separators."""
    word = _plain(word).replace("%", "%%")
    if dollars:
        word = word.replace("$", "$$")
    if not set(word) & set(" \t\"'\\;"):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(word: str) -> str:
    if not word.isprintable():
        raise click.UsageError(f"{word!r} cannot be written to a unit file; choose a path without control characters")
    return word
