"""Add the server to an agent, remove it, or show how."""

import json
import shlex
import subprocess
from typing import Any

from segue.cli.integration.agents import toml_table
from segue.cli.integration.agents.clients import Client, Command
from segue.cli.output.terminal import Failure

OWN_COMMAND_SECONDS = 60
"""Seconds: how long an agent's own command may take. Some start a whole editor."""


def add(client: Client, served: Command) -> bool:
    """Add the server, and return False if its entry was there already.

    Raises:
        Failure: The agent's own command failed, or its file cannot be changed.
    """
    file, entry = client.file(), client.entry(served)
    words = client.adding(served)
    if words is None:
        return file.write(entry)
    found = file.read()
    if isinstance(found, dict) and {**found, **entry} == found:
        return False
    if found is not None and (removing := client.removing()):  # Because some commands keep an older entry.
        _run(removing)
    _run(words)
    return True


def remove(client: Client) -> bool:
    """Remove the server, and return False if it was not there.

    Raises:
        Failure: The agent's own command failed, or its file cannot be changed.
    """
    file = client.file()
    if file.read() is None:
        return False
    words = client.removing()
    if words is None:
        return file.remove()
    _run(words)
    return True


def show_addition(client: Client, served: Command) -> str:
    """Return the agent's own command, or its file with the entry in the format of the file."""
    words = client.adding(served)
    if words is not None:
        return shlex.join(words)
    file = client.file()
    value: Any = client.entry(served)
    if file.format is toml_table:
        return f"# {file.path}\n{toml_table.set_member('', file.entry, value)}".removesuffix("\n")
    for name in reversed(file.entry):
        value = {name: value}
    return f"// {file.path}\n{json.dumps(value, indent=2, ensure_ascii=False)}"


def show_removal(client: Client) -> str:
    """Return the agent's own command, or what goes from its file."""
    words = client.removing()
    file = client.file()
    return shlex.join(words) if words else f"remove {'.'.join(file.entry)} from {file.path}"


def _run(words: Command) -> None:
    """Run an agent's own command.

    Raises:
        Failure: It failed; the text has its last words.
    """
    line = shlex.join(words)
    try:
        done = subprocess.run(  # noqa: S603 - the program is the agent's, and there is no shell
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=OWN_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{line} did not end within {OWN_COMMAND_SECONDS} s; run it yourself") from None
    except OSError as error:
        raise Failure(f"cannot run {words[0]}: {error.strerror}; run it yourself: {line}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise Failure(f"{line} failed: {said}")
