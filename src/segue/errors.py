"""Everything that can go wrong, one class per `kind`: raised with words for a person and data for a program.

The daemon turns these into wire errors in one place (`rpc.dispatch`) and the clients turn them back here,
so a caller catches `NotFound` on either side of the socket.
"""

from typing import Any


class SegueError(Exception):
    """An error with a stable `kind`; its text never holds another client's content."""

    code: int
    kind: str

    def __init__(self, message: str, /, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data

    def to_wire(self) -> dict[str, Any]:
        """The JSON-RPC error object."""
        return {"code": self.code, "message": self.message, "data": {"kind": self.kind, **self.data}}


class ParseError(SegueError):
    """The line is not JSON."""

    code = -32700
    kind = "parse_error"


class InvalidRequest(SegueError):
    """JSON, but not a JSON-RPC 2.0 request."""

    code = -32600
    kind = "invalid_request"


class MethodNotFound(SegueError):
    """No method of that name."""

    code = -32601
    kind = "method_not_found"


class InvalidParams(SegueError):
    """A parameter is missing, unknown, wrongly typed or out of range: `path` says which, `reason` why."""

    code = -32602
    kind = "invalid_params"

    def __init__(self, reason: str, *, path: str = "$", **data: Any) -> None:
        super().__init__(data.pop("message", f"{path}: {reason}"), path=path, reason=reason, **data)


class Internal(SegueError):
    """A bug; `incident` finds the whole story in the daemon's log."""

    code = -32603
    kind = "internal"


class Overloaded(SegueError):
    """Too many clients or too much waiting; nothing was done, try again later."""

    code = -32001
    kind = "overloaded"


class NotFound(SegueError):
    """No such thing: `what` names the noun and `id` the one asked for."""

    code = -32002
    kind = "not_found"

    def __init__(self, what: str, id: str | int, **data: Any) -> None:
        super().__init__(data.pop("message", f"no {what} {id!r}"), what=what, id=id, **data)


class Conflict(SegueError):
    """The state is not what the caller expected: see `reason`."""

    code = -32003
    kind = "conflict"


class TooLarge(SegueError):
    """Over a limit, which `limit` gives."""

    code = -32004
    kind = "too_large"


class StorageError(SegueError):
    """A fault of the file (`reason`: full, io, corrupt, read_only); nothing was stored, unless it says "unknown"."""

    code = -32005
    kind = "storage"


class ShuttingDown(SegueError):
    """The daemon is draining; the next one will answer."""

    code = -32006
    kind = "shutting_down"


class InvalidData(SegueError):
    """A stored row cannot be decoded: `what` and `id` name it."""

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
    """An error of a kind this client does not know, from a newer daemon; `code` and `kind` are as they came."""


def from_wire(error: dict[str, Any]) -> SegueError:
    """The exception that the daemon raised, made again from its wire form."""
    data = dict(error.get("data") or {})
    kind = data.pop("kind", "unknown")
    known = KINDS.get(kind, UnknownError)
    made = known.__new__(known)
    SegueError.__init__(made, error["message"], **data)
    made.code, made.kind = error["code"], kind
    return made


class StartError(Exception):
    """`segued` could not start: one line for a person, and the exit code for a script."""

    exit_code = 1

    def __init__(self, subject: str, text: str) -> None:
        super().__init__(f"{subject}: {text}")


class ConfigError(StartError):
    """A setting is wrong: the text has file, key and reason."""

    exit_code = 2


class AlreadyRunning(StartError):
    """Another segued owns this database or this socket."""

    exit_code = 3
