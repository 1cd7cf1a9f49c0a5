"""Session lookup: the current session, or the session that an abbreviated ID names."""

import os

from segue.cli.daemon_client import DaemonClient
from segue.cli.output.terminal import Failure, escape_line
from segue.errors import InvalidParams, NotFound
from segue.models import Session
from segue.results import Resolution, SessionPage

CANDIDATES = 20
"""Sessions: how many an error lists if an abbreviation matches several."""


def current_directory() -> str:
    r"""Return the physical current directory; bytes that are not UTF-8 become `\xHH`, as the wire contract says."""
    try:
        return os.getcwdb().decode(errors="backslashreplace")  # noqa: PTH109 - Path cannot return the bytes
    except FileNotFoundError:
        raise Failure("the current directory does not exist; change to another one") from None


def resolve(daemon: DaemonClient, working_dir: str, bot: str | None = None) -> Resolution:
    """Return what the directory continues, without creating a session."""
    return daemon.call("session.resolve", Resolution, working_dir=working_dir, bot_id=bot, create=False)


def current(daemon: DaemonClient) -> Session:
    """Return the session that the current directory continues.

    Raises:
        Failure: There is none; the message names the previous session.
    """
    found = resolve(daemon, current_directory())
    if found.session is None:
        raise Failure(nothing_to_continue(found))
    return found.session


def nothing_to_continue(found: Resolution) -> str:
    """Return why the directory continues no session, and what to run."""
    if found.previous is None:
        return "no session here yet; start one with: segue new"
    why = "was ended" if found.reason == "ended" else "is too old to continue automatically"
    return f"no session to continue here: {found.previous} {why}; continue it with: segue resume {found.previous}"


def find_session(daemon: DaemonClient, given: str) -> Session:
    """Return the session whose ID is `given`, or the only one whose ID starts with it.

    Raises:
        NotFound: No ID matches.
        Failure: Several IDs start with `given`.
    """
    try:
        return daemon.call("session.get", Session, session_id=given)
    except (NotFound, InvalidParams):
        page = daemon.call("session.list", SessionPage, id_prefix=given, limit=CANDIDATES)
    if not given or not page.sessions:
        raise NotFound("session", given)
    if page.total > 1:
        raise Failure(_ambiguous(given, page))
    return daemon.call("session.get", Session, session_id=page.sessions[0].id)


def find_or_current(daemon: DaemonClient, given: str | None) -> Session:
    """Return the session that `given` names, or the current session if it is None."""
    return current(daemon) if given is None else find_session(daemon, given)


def _ambiguous(given: str, page: SessionPage) -> str:
    lines = [f"{page.total} session IDs start with {given!r}:"]
    lines += [f"  {session.id}  {escape_line(session.name or '')}".rstrip() for session in page.sessions]
    if page.total > len(page.sessions):
        lines.append(f"  and {page.total - len(page.sessions)} more")
    return "\n".join(lines)
