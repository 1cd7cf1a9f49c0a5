"""The mark in the account of a key that was replaced: its only batch, of a machine that does not exist.

It is sealed under the old key, so a hub cannot invent it. It does not hold the new key, because who has the old key
could read that.
"""

from collections.abc import Mapping

from segue.store.sync.wire import Contents
from segue.sync.keys import Key
from segue.sync.sealing import Refused, open_batch, seal
from segue.sync.transports.transport import Batch, Transport, TransportError
from segue.timestamps import timestamp

MARK_MACHINE = "0" * 32


class Retired(Exception):
    """The key of this machine was replaced on another one. The text tells how to join again."""


def make_mark(key: Key, name: str, at: int) -> Batch:
    """Return the mark for the account of a key, with the name of the machine that replaced the key."""
    return seal(key, MARK_MACHINE, 1, Contents(at=at, stamp=0, name=name, heads={}, records=[]))


async def check_not_retired(transport: Transport, key: Key, heads: Mapping[str, int]) -> None:
    """Check that the account of the key has no mark.

    Raises:
        Retired: it has one.
        TransportError: the hub has a part of the mark.
    """
    if MARK_MACHINE not in heads:
        return
    mark = await transport.get(MARK_MACHINE, 1)
    if mark is None:
        raise TransportError("the mark of a new key did not arrive completely", retry=True)
    try:
        made = open_batch(key, mark)
    except Refused:  # The hub invented it, and it is refused with the other batches.
        return
    raise Retired(
        f"the key was replaced on {made.name} at {timestamp(made.at)}; run segue sync invite there, and here"
        " segue sync join HUB with the new invitation"
    )
