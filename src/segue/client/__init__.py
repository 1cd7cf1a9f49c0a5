"""Talk to segued: `Client` blocks, `AsyncClient` runs under anyio; both raise the daemon's own errors.

Importing this costs next to nothing: each client is imported when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

from segue.client.faults import ClientError, ConnectionLost, Garbled, NotStarted, TimedOut, Unreachable

if TYPE_CHECKING:
    from segue.client.blocking import Client
    from segue.client.concurrent import AsyncClient

__all__ = ["AsyncClient", "Client", "ClientError", "ConnectionLost", "Garbled", "NotStarted", "TimedOut", "Unreachable"]


def __getattr__(name: str) -> Any:
    if name == "Client":
        from segue.client.blocking import Client

        return Client
    if name == "AsyncClient":
        from segue.client.concurrent import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
