"""Define one exception class per error `kind`, with a message for people and data for programs.

The daemon converts these exceptions to wire errors in one place, `jsonrpc.dispatcher`. The clients convert them back
here, so a caller catches the same class on both sides of the socket.
"""

from typing import Any


class SegueError(Exception):
    """An error with a stable `kind`. Its text never contains content of another client."""

    code: int
    kind: str

    def __init__(self, message: str, /, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON-RPC error object."""
        return {"code": self.code, "message": self.message, "data": {"kind": self.kind, **self.data}}


class ParseError(SegueError):
    """The line is not JSON."""

    code = -32700
    kind = "parse_error"


class InvalidRequest(SegueError):
    """The line is JSON but not a JSON-RPC 2.0 request."""

    code = -32600
    kind = "invalid_request"


class MethodNotFound(SegueError):
    """The method does not exist."""

    code = -32601
    kind = "method_not_found"


class InvalidParams(SegueError):
    """A parameter is missing, unknown, out of range or of the wrong type. `path` names it and `reason` says why."""

    code = -32602
    kind = "invalid_params"

    def __init__(self, reason: str, *, path: str = "$", **data: Any) -> None:
        super().__init__(data.pop("message", f"{path}: {reason}"), path=path, reason=reason, **data)


class Internal(SegueError):
    """Unexpected error. Search the daemon log for `incident`."""

    code = -32603
    kind = "internal"


class Overloaded(SegueError):
    """Too many clients or queued requests. The request was not executed; retry later."""

    code = -32001
    kind = "overloaded"


class NotFound(SegueError):
    """The object does not exist. `what` is its type and `id` the requested ID."""

    code = -32002
    kind = "not_found"

    def __init__(self, what: str, id: str | int, **data: Any) -> None:
        super().__init__(data.pop("message", f"no {what} {id!r}"), what=what, id=id, **data)


class Conflict(SegueError):
    """The stored state differs from what the request expects. `reason` names the difference."""

    code = -32003
    kind = "conflict"


class TooLarge(SegueError):
    """The request exceeds a size limit. `limit` is its value."""

    code = -32004
    kind = "too_large"


class StorageError(SegueError):
    """A storage error; `reason` is full, io, corrupt or read_only. Nothing was stored unless it says "unknown"."""

    code = -32005
    kind = "storage"


class ShuttingDown(SegueError):
    """The daemon is shutting down. Retry when the next one serves."""

    code = -32006
    kind = "shutting_down"


class InvalidData(SegueError):
    """A stored row cannot be decoded. `what` is its type and `id` its ID."""

    code = -32007
    kind = "invalid_data"

    def __init__(self, what: str, id: str | int, **data: Any) -> None:
        super().__init__(data.pop("message", f"stored {what} {id!r} cannot be decoded"), what=what, id=id, **data)


KINDS: dict[str, type[SegueError]] = {
    error.kind: error
    for error in (
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InvalidParams,
        Internal,
        Overloaded,
        NotFound,
        Conflict,
        TooLarge,
        StorageError,
        ShuttingDown,
        InvalidData,
    )
}


class UnknownError(SegueError):
    """An error of an unknown kind, sent by a newer daemon. `code` and `kind` are those of the wire."""


def from_wire(error: dict[str, Any]) -> SegueError:
    """Return the exception that a wire error stands for."""
    data = dict(error.get("data") or {})
    kind = data.pop("kind", "unknown")
    known = KINDS.get(kind, UnknownError)
    made = known.__new__(known)
    SegueError.__init__(made, error["message"], **data)
    made.code, made.kind = error["code"], kind
    return made


class StartError(Exception):
    """A reason why `segued` cannot start, in one line, with the exit status."""

    exit_code = 1

    def __init__(self, subject: str, text: str) -> None:
        super().__init__(f"{subject}: {text}")


class ConfigError(StartError):
    """A wrong setting. The text has the file, the key and the reason."""

    exit_code = 2


class AlreadyRunning(StartError):
    """Another segued owns the database or the socket."""

    exit_code = 3
