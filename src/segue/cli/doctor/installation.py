"""Checks of the programs, the libraries and the configuration file."""

import os
import platform
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from segue import PROTOCOL, __version__
from segue.cli.daemon_client import DaemonClient
from segue.cli.doctor.result import Result, failure, ok, warning
from segue.cli.output.session_table import short_directory
from segue.errors import StartError
from segue.paths import Paths
from segue.runtime.sqlite_library import check_full_text_search, check_version

PROGRAM = re.compile(r"[\w./+-]+", re.ASCII)
"""The first word of a shell command if it names a program."""


def check_installation() -> Iterator[Result]:
    """Yield the results for the programs and SQLite."""
    segued = Path(sys.executable).with_name("segued")
    versions = f"segue {__version__}, protocol {PROTOCOL}, Python {platform.python_version()}"
    if os.access(segued, os.X_OK) or shutil.which("segued"):
        yield ok("programs", versions)
    else:
        yield failure("programs", f"{versions}; segued is neither at {segued} nor in PATH: install segue again")
    try:
        check_version()
        with closing(sqlite3.connect(":memory:")) as connection:
            check_full_text_search(connection)
    except StartError as error:
        yield failure("sqlite", f"{error}; install another Python")
    else:
        yield ok("sqlite", f"SQLite {sqlite3.sqlite_version} with full-text search")


def check_config(daemon: DaemonClient) -> tuple[Paths | None, Result]:
    """Return the paths and the result for the configuration file; no paths if a setting is wrong."""
    try:
        paths = daemon.paths
    except StartError as error:
        fix = "; correct it with: segue config edit" if str(error).startswith("config") else ""
        return None, failure("config", f"{error}{fix}")
    found = "is valid" if paths.configured else "does not exist; all keys have defaults"
    return paths, ok("config", f"{short_directory(str(paths.config_path))} {found}")


def check_model(paths: Paths) -> Result:
    """Return the result for the model command of `segue ask`, without its arguments, which may hold a key."""
    command = os.environ.get("SEGUE_ASK") or paths.config.ask.command or ""
    words = command.split()
    if not words:
        return ok("ask", "no model command is set; give --with, or see: segue help ask")
    if not PROGRAM.fullmatch(words[0]):
        return ok("ask", "a model command is set")
    if shutil.which(words[0]) is None:
        return warning("ask", f"the model command runs {words[0]}, which is not in PATH; install it")
    return ok("ask", f"the model command runs {words[0]}")
