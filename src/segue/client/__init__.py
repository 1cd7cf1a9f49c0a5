"""Provide the clients of segued: `Client` blocks, `AsyncClient` is for asyncio and anyio.

Both raise the errors of `segue.errors` that the daemon returns. Each client is imported on first use, because the
command line needs neither for its fastest commands.
"""

from typing import TYPE_CHECKING, Any

from segue.client.errors import ClientError, ConnectionLost, NotStarted, ProtocolError, TimedOut, Unreachable

if TYPE_CHECKING:
    from segue.client.async_client import AsyncClient
    from segue.client.sync_client import Client

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "ConnectionLost",
    "NotStarted",
    "ProtocolError",
    "TimedOut",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    if name == "Client":
        from segue.client.sync_client import Client

        return Client
    if name == "AsyncClient":
        from segue.client.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
