"""Delivery of a reply while the daemon may be down: retry, then save the reply to a file."""

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
from segue.errors import Overloaded, SegueError, ShuttingDown
from segue.files import create_file, make_directory
from segue.models import Session
from segue.results import DeletedCount

R = TypeVar("R")

RETRY_SECONDS = 10.0
"""Seconds: how long a call is retried. A restart by a service manager takes 1 to 2 s."""

PAUSE_SECONDS = 0.2
"""Seconds: pause between two attempts."""


def call_with_retry(daemon: DaemonClient, name: str, kind: type[R], signals: Signals | None = None, **params: Any) -> R:
    """Call an idempotent method, and retry while the daemon is down or overloaded.

    The last error is raised after RETRY_SECONDS, or when one of STOP_SIGNALS arrives.
    """
    deadline = time.monotonic() + RETRY_SECONDS
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


def remove_replies(daemon: DaemonClient, session: Session, reply_ids: tuple[int, ...]) -> None:
    """Delete the replies that were replaced; if that fails, say which are left."""
    try:
        call_with_retry(daemon, "message.delete", DeletedCount, session_id=session.id, message_ids=[*reply_ids])
    except (ClientError, SegueError) as error:
        numbers = " ".join(f"'#{id}'" for id in reply_ids)
        warn(f"the old reply is still stored: {error}; remove it with: segue delete {numbers}")


def save_to_file(text: str, name: str) -> Path:
    """Write the text to a private file, and return its path.

    Raises:
        OSError: The file could not be written; no partial file is left.
    """
    folder = platformdirs.user_state_path("segue") / "replies"
    make_directory(folder)
    path = folder / name
    create_file(path, text.encode(), durable=True)
    return path


def command_to_add(path: Path, params: dict[str, Any]) -> str:
    """Return the shell command that appends the saved reply, or completes what the daemon has of it."""
    options = [f"{option}={params[name]}" for option, name in _OPTIONS.items() if params[name] is not None]
    return f"{shlex.join(['segue', 'add', '--replace', *options, '-'])} < {shlex.quote(str(path))}"


_OPTIONS = {
    "--role": "role",
    "--session": "session_id",
    "--model": "model",
    "--key": "key",
    "--response-ms": "response_ms",
    "--stop-reason": "stop_reason",
}


def _pause(signals: Signals | None) -> bool:
    """Sleep until the next attempt, and return True if a signal arrived meanwhile."""
    if signals is None:
        time.sleep(PAUSE_SECONDS)
        return False
    wait((signals.descriptor,), (), PAUSE_SECONDS)
    return bool(signals.read())
