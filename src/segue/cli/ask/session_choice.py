"""The session of a question: the one that the user chose, or a new one, whose predecessor is reported."""

from typing import Any, NamedTuple, TypeVar

from segue.cli.ask.delivery import call_with_retry
from segue.cli.daemon_client import DaemonClient
from segue.cli.output.terminal import Failure, escape_line, span, stderr_is_tty, warn
from segue.cli.session_lookup import current_place, find_session, nothing_to_continue, resolve
from segue.models import Session
from segue.results import Resolution

R = TypeVar("R")


class Choice(NamedTuple):
    """The options that choose the session of a question."""

    given: str | None = None
    bot_id: str | None = None
    new: bool = False
    newest: bool = False


class PatientCaller:
    """A caller of idempotent methods that waits for a daemon that restarts."""

    def __init__(self, daemon: DaemonClient) -> None:
        self._daemon = daemon

    def call(self, name: str, kind: type[R], /, **params: Any) -> R:
        """Call a method and return its result as a value of `kind`."""
        return call_with_retry(self._daemon, name, kind, **params)


def find_place(daemon: DaemonClient, bot_id: str | None) -> Resolution:
    """Return what the current directory continues, without creating a session."""
    daemon.client  # noqa: B018 - Connect now, because only a daemon that was there once is worth the wait
    return resolve(PatientCaller(daemon), current_place(daemon), bot_id)


def find_existing(daemon: DaemonClient, choice: Choice) -> Session | None:
    """Return the session that the user chose, or None if the directory continues none.

    Raises:
        Failure: The newest session is wanted, and the directory has none.
    """
    if choice.given is not None:
        return find_session(daemon, choice.given)
    found = find_place(daemon, choice.bot_id)
    if found.session is not None or not choice.newest:
        return found.session
    if found.previous is None:
        raise Failure("no session here yet; leave out --continue to start one")
    return daemon.call("session.get", Session, session_id=found.previous)


def find_asked(daemon: DaemonClient, choice: Choice) -> Session:
    """Return the session that has the question to repeat.

    Raises:
        Failure: The directory continues no session.
    """
    session = find_existing(daemon, choice)
    if session is None:
        raise Failure(nothing_to_continue(find_place(daemon, choice.bot_id)))
    return session


def resume_newest(daemon: DaemonClient, bot_id: str | None) -> Session:
    """Return the newest session of the directory, and resume it if it expired or ended.

    Raises:
        Failure: The directory has no session.
    """
    session = find_asked(daemon, Choice(bot_id=bot_id, newest=True))
    if find_place(daemon, bot_id).session is None:
        terminal = current_place(daemon).get("terminal")
        session = daemon.call("session.resume", Session, session_id=session.id, terminal=terminal)
        warn(escape_line(f"continuing {session.id} {session.name or ''}".rstrip()))
    return session


def report_new_session(found: Resolution, session: Session, *, requested: bool) -> None:
    """Say that a session was begun, and which one the directory continued before.

    If the user requested it, only a terminal gets the line. If the directory had no session, nothing was left.
    """
    left = found.session.id if found.session is not None else found.previous
    if left is None or (requested and not stderr_is_tty()):
        return
    if requested:
        warn(f"began session {session.id}; `segue resume {left}` returns to the last one")
    else:
        why = f"was last used {span(found.idle_seconds or 0)} ago" if found.reason == "expired" else "was ended"
        warn(f"began session {session.id}; {left} {why}, and `segue ask --continue` continues it")
