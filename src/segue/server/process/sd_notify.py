"""Notifications to a service manager: systemd's sd_notify(3) protocol, one datagram per message.

This is 40 lines of socket code instead of a dependency. A message that cannot be sent is dropped, because the daemon
must serve without its manager too.
"""

import logging
import os
import socket
import sqlite3
from collections.abc import MutableMapping
from contextlib import suppress

import anyio

from segue.errors import Overloaded, SegueError
from segue.store.engine.tx import Tx
from segue.store.store import Store

log = logging.getLogger("segue.server")

SEND_SECONDS = 0.5
"""Seconds. Time limit of one message while the manager's queue is full, because clients wait meanwhile."""

RETRY_SECONDS = 1.0
"""Seconds. Pause before the database is tested again if it was too busy for the test."""


class Notifier:
    """A connection to the service manager; without an address, messages are dropped."""

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        self._address = None if address is None else _kernel_address(address)
        self.watchdog_seconds = watchdog_seconds
        """The manager restarts the daemon after this much silence; None if it does not watch."""

    def send(self, *assignments: str, timeout: float = SEND_SECONDS) -> None:
        """Send assignments such as `READY=1` and `STATUS=…` in one datagram; `timeout` is in seconds."""
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.settimeout(timeout)
            sending.sendto("\n".join(assignments).encode(errors="replace"), self._address)

    async def feed_watchdog(self, store: Store) -> None:
        """Send `WATCHDOG=1` twice per interval while a read and a write of the database succeed."""
        if self._address is None or self.watchdog_seconds is None:
            return
        while True:
            if await _is_responsive(store):
                self.send("WATCHDOG=1", timeout=0)  # A full queue is harmless: it holds earlier messages.
                await anyio.sleep(self.watchdog_seconds / 2)
            else:
                await anyio.sleep(min(RETRY_SECONDS, self.watchdog_seconds / 2))


def find_notifier(environ: MutableMapping[str, str] = os.environ) -> Notifier:
    """Return the notifier that the environment names, and remove its variables, so that no child uses them."""
    address = environ.pop("NOTIFY_SOCKET", "")
    interval, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not address.startswith(("/", "@")) or len(address) < 2:  # `vsock:…` is for virtual machines.
        return Notifier()
    watched = pid in ("", str(os.getpid())) and interval.isascii() and interval.isdigit() and int(interval) > 0
    return Notifier(address, int(interval) / 1_000_000 if watched else None)


def _kernel_address(address: str) -> bytes:
    """Return the address as the kernel takes it: systemd writes the NUL of an abstract name as `@`."""
    raw = os.fsencode(address)
    return b"\0" + raw[1:] if raw.startswith(b"@") else raw


async def _is_responsive(store: Store) -> bool:
    """Return True if the database answers, even with an error; if the queue is full, True while it shrinks."""
    try:
        await store.read(_probe)
        await store.write(_probe)
    except Overloaded:
        return store.queue_depth < store.queue_limit
    except (SegueError, sqlite3.Error) as error:
        log.debug("watchdog test of the database failed: %s", error)
    return True


def _probe(tx: Tx) -> None:
    tx.run("SELECT count(*) FROM sqlite_schema")
