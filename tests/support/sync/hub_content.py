"""What is at a hub, opened with the key of an account."""

from segue.store.sync.wire import encode
from segue.sync.keys import parse_line
from segue.sync.sealing import open_batch
from segue.sync.transports.hub import open_hub


async def words_at(url: str, invitation: str) -> bytes:
    """Return the plain content of all batches of the account at the hub."""
    key, found = parse_line(invitation), b""
    transport = open_hub(url, key, ())
    try:
        for machine in await transport.heads():
            async for batch in transport.pull(machine, 0):
                found += encode(open_batch(key, batch))
    finally:
        await transport.close()
    return found
