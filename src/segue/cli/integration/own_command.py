"""The command that runs this installation of `segue`, for other programs to start."""

import os
import sys
from pathlib import Path

import click


def own_program() -> list[str]:
    """Return the command that runs this installation's `segue`."""
    beside = (Path(sys.argv[0]), Path(sys.executable).with_name("segue"))
    for program in beside:
        if program.name == "segue" and program.is_file() and os.access(program, os.X_OK):
            return [os.path.abspath(program)]
    return [sys.executable, "-m", "segue"]


def global_options(root: click.Context, *, environment: bool = False) -> list[str]:
    """Return the global options of this run, so that the other program uses the same daemon.

    With `environment`, a variable counts as an option, because a desktop program does not have the shell's variables.
    """
    given = {name: root.params[name] for name in ("socket", "database", "config")}
    if environment:
        given = {name: path or os.environ.get(f"SEGUE_{name.upper()}") for name, path in given.items()}
    return [word for name, path in given.items() if path for word in (f"--{name}", os.path.abspath(path))]


def own_command() -> list[str]:
    """Return the words that run this installation's `segue` with the global options of the current command."""
    return [*own_program(), *global_options(click.get_current_context().find_root())]
