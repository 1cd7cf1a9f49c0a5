"""The method that tells of all methods."""

from typing import Any

from segue.api.request import Context
from segue.jsonrpc.method import method


@method("rpc.discover")
async def discover(ctx: Context) -> dict[str, Any]:
    """The OpenRPC document of all methods: parameters, results and errors as JSON Schema."""
    document: dict[str, Any] = ctx.daemon.discover()
    return document
