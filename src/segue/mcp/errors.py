"""The errors of tools as text for a model: the reason, and what the model can do."""

from segue.client import ClientError, TimedOut, Unreachable
from segue.errors import InvalidParams, NotFound, SegueError, StartError
from segue.mcp.tool import ToolError

EXPECTED = (ToolError, SegueError, ClientError, StartError)
"""Errors that are no fault of this program."""

ARGUMENTS = {"working_dir": "directory", "around_id": "around"}
"""Names of arguments whose parameters of the daemon's methods have other names."""

WHERE_IDS_ARE = {
    "session": "list_sessions and search_history have the IDs",
    "message": "search_history and read_session have the IDs",
    "memory": "recall has the IDs",
}


def explain(error: Exception) -> str:
    """Return the text of an expected error for a model."""
    if isinstance(error, InvalidParams):
        return _wrong_argument(error)
    if isinstance(error, NotFound):
        return f"{error.message}; {WHERE_IDS_ARE.get(error.data.get('what', ''), 'check the ID')}"
    if isinstance(error, Unreachable | StartError):
        return f"segue's daemon cannot be reached: {error}. The user can run `segue status` in a terminal to see why."
    if isinstance(error, TimedOut):
        return f"segue's daemon is slow: {error}. Try again later, or ask for less."
    if isinstance(error, ClientError):
        return f"{error}. Try again."
    return error.message if isinstance(error, SegueError) else str(error)


def _wrong_argument(error: InvalidParams) -> str:
    """Return the error with the name of the argument."""
    path = str(error.data.get("path", "$"))
    name, reason = path.removeprefix("$").removeprefix("."), error.message.removeprefix(f"{path}: ")
    return f"argument {ARGUMENTS.get(name, name)}: {reason}" if name else f"arguments: {reason}"
