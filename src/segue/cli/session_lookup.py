"""Which directory, which session: what a person leaves out or shortens."""

import os

from segue.cli.daemon_client import Daemon
from segue.cli.output.terminal import Failure, escape_line
from segue.errors import InvalidParams, NotFound
from segue.models import Session
from segue.results import Resolution, SessionPage

CANDIDATES = 20
"""Sessions shown when an abbreviation fits several."""


def current_directory() -> str:
    r"""The physical current directory; bytes that are not UTF-8 are written `\xHH`, as the contract says."""
    try:
        return os.getcwdb().decode(errors="backslashreplace")  # noqa: PTH109 - the bytes themselves
    except FileNotFoundError:
        raise Failure("the current directory does not exist any more; change to another one") from None


def resolve(daemon: Daemon, working_dir: str, bot: str | None = None) -> Resolution:
    """What the directory continues, without making anything."""
    return daemon.ask("session.resolve", Resolution, working_dir=working_dir, bot_id=bot, create=False)


def current(daemon: Daemon) -> Session:
    """The session that the current directory continues; Failure says which one it continues no more."""
    found = resolve(daemon, current_directory())
    if found.session is None:
        raise Failure(nothing_to_continue(found))
    return found.session


def nothing_to_continue(found: Resolution) -> str:
    """Why a directory has no session, in words."""
    if found.previous is None:
        return "no session here yet; begin one with: segue new"
    why = "was ended" if found.reason == "ended" else "is too old to be continued by itself"
    return f"no session to continue here: {found.previous} {why}; continue it with: segue resume {found.previous}"


def find_session(daemon: Daemon, given: str) -> Session:
    """The session of that id, else the only one whose id begins so; NotFound, or Failure if there are several."""
    try:
        return daemon.ask("session.get", Session, session_id=given)
    except (NotFound, InvalidParams):
        page = daemon.ask("session.list", SessionPage, id_prefix=given, limit=CANDIDATES)
    if not given or not page.sessions:
        raise NotFound("session", given)
    if page.total > 1:
        raise Failure(_ambiguous(given, page))
    return daemon.ask("session.get", Session, session_id=page.sessions[0].id)


def find_or_current(daemon: Daemon, given: str | None) -> Session:
    """The session that `given` names, else the one that the current directory continues."""
    return current(daemon) if given is None else find_session(daemon, given)


def _ambiguous(given: str, page: SessionPage) -> str:
    lines = [f"{given!r} begins the ids of {page.total} sessions:"]
    lines += [f"  {session.id}  {escape_line(session.name or '')}".rstrip() for session in page.sessions]
    if page.total > len(page.sessions):
        lines.append(f"  and {page.total - len(page.sessions)} more")
    return "\n".join(lines)
