"""A bare echo server with anyio and uvloop: `python -m tests.bench.peers.echo_server SOCKET`; prints `ready`."""

import sys

import anyio
from anyio.abc import SocketStream


async def echo(stream: SocketStream) -> None:
    """Send received data back until the client closes the connection."""
    async with stream:
        async for data in stream:
            await stream.send(data)


async def main(path: str) -> None:
    """Serve all clients until killed."""
    listener = await anyio.create_unix_listener(path)
    print("ready", flush=True)
    await listener.serve(echo)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend_options={"use_uvloop": True})
