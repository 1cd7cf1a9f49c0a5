"""Session lookup: the current session, or the session that an argument names."""

import os

from segue.cli.daemon_client import DaemonClient
from segue.cli.output.terminal import Failure, escape_line, stderr_is_tty
from segue.errors import NotFound
from segue.models import Session
from segue.workflows import sessions
from segue.workflows.sessions import nothing_to_continue, resolve

__all__ = ["current", "current_directory", "find_or_current", "find_session", "nothing_to_continue", "resolve"]


def current_directory() -> str:
    r"""Return the physical current directory; bytes that are not UTF-8 become `\xHH`, as the wire contract says."""
    try:
        return os.getcwdb().decode(errors="backslashreplace")  # noqa: PTH109 - Path cannot return the bytes
    except FileNotFoundError:
        raise Failure("the current directory does not exist; change to another one") from None


def current(daemon: DaemonClient) -> Session:
    """Return the session that the current directory continues.

    Raises:
        Failure: There is none; the message names the previous session.
    """
    found = resolve(daemon, current_directory())
    if found.session is None:
        raise Failure(nothing_to_continue(found))
    return found.session


def find_session(daemon: DaemonClient, given: str) -> Session:
    """Return the session that `given` names: an ID, the start or end of one, `@1`, `-`, or words of a name.

    Raises:
        Failure: No session matches, or several do.
    """
    try:
        return sessions.find_session(daemon, given, current_directory() if given == "-" else None)
    except sessions.AmbiguousSession as error:
        lines = [f"{error}; use more of the ID:"]
        lines += [f"  {session.id}  {escape_line(session.name or '')}".rstrip() for session in error.sessions]
        raise Failure("\n".join(lines)) from None
    except NotFound as error:
        raise Failure(
            f"{error.message}{'; `segue list --all` shows every session' if stderr_is_tty() else ''}"
        ) from None


def find_or_current(daemon: DaemonClient, given: str | None) -> Session:
    """Return the session that `given` names, or the current session if it is None."""
    return current(daemon) if given is None else find_session(daemon, given)
