"""The way to the hub of an account, by the hub's address."""

from collections.abc import Collection
from pathlib import Path

from segue.sync.keys import Key
from segue.sync.transports.folder import FolderTransport
from segue.sync.transports.remote import open_remote
from segue.sync.transports.transport import Transport


def open_hub(url: str, key: Key, own: Collection[str]) -> Transport:
    """Return the way to the key's account at a hub. OWN are the machines by whose names only this one writes.

    Raises:
        TransportError: the address is wrong, or a package for it is not installed.
    """
    if url.startswith("/"):
        return FolderTransport(Path(url), key.account, own)
    return open_remote(url, key.account, key.hub_secret)
