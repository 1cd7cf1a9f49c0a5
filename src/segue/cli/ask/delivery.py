"""What must not be lost though the daemon may be away: asked again and again, at last kept in a file."""

import shlex
import time
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from segue.cli.ask.poll import wait
from segue.cli.ask.signal_pipe import Signals
from segue.cli.daemon_client import DaemonClient
from segue.cli.output.terminal import warn
from segue.client import ClientError
from segue.errors import Overloaded, ShuttingDown
from segue.files import create_file, make_directory

R = TypeVar("R")

PATIENCE_SECONDS = 10.0
"""For a daemon that is away: a restart by a service manager takes one or two."""

PAUSE_SECONDS = 0.2


def insist(daemon: DaemonClient, name: str, kind: type[R], signals: Signals | None = None, **params: Any) -> R:
    """The answer of a method that may be asked twice, though the daemon goes away and comes back meanwhile.

    Raises what came last after `PATIENCE_SECONDS`, or once a further signal says that nobody wants to wait.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    lost = False
    while True:
        try:
            if lost:
                daemon.reconnect(autostart=True)
            return daemon.call(name, kind, **params)
        except (ClientError, ShuttingDown, Overloaded):
            if time.monotonic() >= deadline:
                raise
            if not lost:
                warn("the daemon is not available; waiting for it")
            lost = True
            if _pause(signals):
                raise


def keep_in_file(text: str, name: str) -> Path:
    """Where the text is now, readable by its owner only; OSError, and no half of it, if it could not be written."""
    folder = platformdirs.user_state_path("segue") / "replies"
    make_directory(folder)
    path = folder / name
    create_file(path, text.encode(), durable=True)
    return path


def command_to_add(path: Path, params: dict[str, Any]) -> str:
    """What to type so that the daemon has the kept reply after all, once only."""
    options = [f"{option}={params[name]}" for option, name in _OPTIONS.items() if params[name] is not None]
    return f"{shlex.join(['segue', 'add', *options, '-'])} < {shlex.quote(str(path))}"


_OPTIONS = {
    "--role": "role",
    "--session": "session_id",
    "--model": "model",
    "--key": "key",
    "--response-ms": "response_ms",
    "--stop-reason": "stop_reason",
}


def _pause(signals: Signals | None) -> bool:
    """Wait a little; whether somebody sent a signal meanwhile."""
    if signals is None:
        time.sleep(PAUSE_SECONDS)
        return False
    wait((signals.descriptor,), (), PAUSE_SECONDS)
    return bool(signals.read())
