"""A bare echo under anyio and uvloop: `python -m tests.bench.peers.echo_server SOCKET`; it says when it is there."""

import sys

import anyio
from anyio.abc import SocketStream


async def echo(stream: SocketStream) -> None:
    """Send back what comes, until nothing comes."""
    async with stream:
        async for data in stream:
            await stream.send(data)


async def main(path: str) -> None:
    """Echo for everybody, until killed."""
    listener = await anyio.create_unix_listener(path)
    print("ready", flush=True)
    await listener.serve(echo)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], backend_options={"use_uvloop": True})
