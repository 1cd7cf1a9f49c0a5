"""Session lookup: the current session, or the session that an argument names."""

from typing import TYPE_CHECKING

from segue.cli.daemon_client import DaemonClient
from segue.cli.output.terminal import Failure, escape_line, stderr_is_tty
from segue.errors import NotFound
from segue.models import Session
from segue.results import MessagePage
from segue.runtime import place
from segue.workflows import sessions
from segue.workflows.sessions import nothing_to_continue, resolve

if TYPE_CHECKING:
    from segue.workflows.turns import Turn

__all__ = [
    "current",
    "current_place",
    "find_last_turn",
    "find_or_current",
    "find_session",
    "nothing_to_continue",
    "place_filter",
    "resolve",
]

NEWEST = 200
"""Messages: how many of the newest are searched for the last question."""


def current_place(daemon: DaemonClient) -> dict[str, str]:
    """Return the parameters that name the place: `working_dir`, and the project and the terminal as configured."""
    configured = daemon.paths.configured
    try:
        return place.current_place(None if configured is None else configured.session)
    except FileNotFoundError:
        raise Failure("the current directory does not exist; change to another one") from None


def place_filter(daemon: DaemonClient) -> dict[str, str]:
    """Return the parameters with which a list shows the sessions here: of the repository, else of the directory."""
    here = current_place(daemon)
    name = "project" if here.get("scope") == "project" else "working_dir"
    return {name: here[name]}


def current(daemon: DaemonClient) -> Session:
    """Return the session that the current place continues.

    Raises:
        Failure: There is none; the message names the previous session.
    """
    found = resolve(daemon, current_place(daemon))
    if found.session is None:
        raise Failure(nothing_to_continue(found))
    return found.session


def find_session(daemon: DaemonClient, given: str) -> Session:
    """Return the session that `given` names: an ID, the start or end of one, `@1`, `-`, or words of a name.

    Raises:
        Failure: No session matches, or several do.
    """
    try:
        return sessions.find_session(daemon, given, current_place(daemon) if given == "-" else None)
    except sessions.AmbiguousSession as error:
        lines = [f"{error}; use more of the ID:"]
        lines += [f"  {session.id}  {escape_line(session.name or '')}".rstrip() for session in error.sessions]
        raise Failure("\n".join(lines)) from None
    except NotFound as error:
        raise Failure(
            f"{error.message}{'; `segue list --all` shows every session' if stderr_is_tty() else ''}"
        ) from None


def find_last_turn(daemon: DaemonClient, session_id: str, purpose: str) -> "Turn":
    """Return the last question of this terminal with its replies; of a terminal that asked none, the last question.

    Raises:
        Failure: None of the newest messages is a question.
    """
    from segue.workflows.turns import last_turn  # Few commands need it.

    pages = daemon.pages("message.list", MessagePage, NEWEST, session_id=session_id, order="desc")
    newest = [message for _, page in pages for message in page.messages][::-1]
    turn = last_turn(newest, place.terminal_mark())
    if turn is None:
        raise Failure(f"session {session_id} has no question to {purpose}")
    return turn


def find_or_current(daemon: DaemonClient, given: str | None) -> Session:
    """Return the session that `given` names, or the current session if it is None."""
    return current(daemon) if given is None else find_session(daemon, given)
