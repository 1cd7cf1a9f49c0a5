"""Define the method that describes all methods."""

from typing import Any

from segue.api.request import Context
from segue.jsonrpc.method import method


@method("rpc.discover")
async def discover(ctx: Context) -> dict[str, Any]:
    """Return the OpenRPC document of all methods, with parameters and results as JSON Schema."""
    document: dict[str, Any] = ctx.daemon.discover()
    return document
