"""Directories and sessions as a model names them."""

import os

from segue.mcp.tool import Session, ToolError
from segue.models import Session as StoredSession
from segue.workflows.sessions import AmbiguousSession, find_session
from segue.workflows.times import parse_moment

SHOWN_CANDIDATES = 8


def physical(directory: str | None) -> str | None:
    """Return the physical path of a directory; `~` and relative paths are those of this process.

    Raises:
        ToolError: The text is no path.
    """
    if directory is None:
        return None
    if "\0" in directory:
        raise ToolError("a path contains no NUL character")
    path = os.path.realpath(os.path.expanduser(directory))
    return os.fsencode(path).decode(errors="backslashreplace")


def project_root(project: str | None) -> str | None:
    """Return a project as it is stored: a physical path, or another text unchanged."""
    is_path = project is not None and project.startswith(("/", "~", "."))
    return physical(project) if is_path else project


def moment(since: str | None) -> str | None:
    """Return the timestamp of an age, a date or a time.

    Raises:
        ToolError: The text is none of these.
    """
    try:
        return None if since is None else parse_moment(since)
    except ValueError as error:
        raise ToolError(f"since: {error}") from None


def stored_session(session: Session, given: str) -> StoredSession:
    """Return the session that an ID, a part of one, or words of a name mean.

    Raises:
        NotFound: No session matches.
        ToolError: Several sessions match.
    """
    try:
        return find_session(session.daemon, given)
    except AmbiguousSession as error:
        ids = ", ".join(found.id for found in error.sessions[:SHOWN_CANDIDATES])
        raise ToolError(f"{error}; use a whole ID: {ids}") from None
