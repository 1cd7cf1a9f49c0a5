"""Telling a service manager how we fare: systemd's sd_notify(3) protocol, one datagram a word.

A manager that cannot be told is no reason not to serve.
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
"""For a manager whose queue is full; more would hold up our clients."""

RETRY_SECONDS = 1.0
"""Before the database is asked again that was too busy to be asked."""


class Notifier:
    """The service manager, or nobody."""

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        self._address = None if address is None else _kernel_address(address)
        self.watchdog_seconds = watchdog_seconds
        """Silence for longer than this makes the manager restart us; None if it does not watch."""

    def tell(self, *words: str, patience: float = SEND_SECONDS) -> None:
        """Send `READY=1`, `STATUS=…` and the like in one datagram, if anyone listens; `patience` is in seconds."""
        if self._address is None:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.settimeout(patience)
            sending.sendto("\n".join(words).encode(errors="replace"), self._address)

    async def feed_watchdog(self, store: Store) -> None:
        """Say twice in each interval that we are alive, as long as both reader and writer of the database answer."""
        if self._address is None or self.watchdog_seconds is None:
            return
        while True:
            if await _answers(store):
                self.tell("WATCHDOG=1", patience=0)  # if its queue is full, it has heard of us
                await anyio.sleep(self.watchdog_seconds / 2)
            else:
                await anyio.sleep(min(RETRY_SECONDS, self.watchdog_seconds / 2))


def find_notifier(environ: MutableMapping[str, str] = os.environ) -> Notifier:
    """The manager that the environment names; the variables are taken out, for they are meant for us alone."""
    address = environ.pop("NOTIFY_SOCKET", "")
    interval, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not address.startswith(("/", "@")) or len(address) < 2:  # vsock:… is for virtual machines
        return Notifier()
    watched = pid in ("", str(os.getpid())) and interval.isascii() and interval.isdigit() and int(interval) > 0
    return Notifier(address, int(interval) / 1_000_000 if watched else None)


def _kernel_address(address: str) -> bytes:
    """A path, or a name in the abstract name space, for which systemd writes @ and the kernel a NUL."""
    raw = os.fsencode(address)
    return b"\0" + raw[1:] if raw.startswith(b"@") else raw


async def _answers(store: Store) -> bool:
    """Whether the database answers, be it with an error; a full queue says nothing about who works it off."""
    try:
        await store.read(_look)
        await store.write(_look)
    except Overloaded:
        return store.queue_depth < store.queue_limit
    except (SegueError, sqlite3.Error) as fault:
        log.debug("the watchdog met %s", fault)
    return True


def _look(tx: Tx) -> None:
    tx.run("SELECT count(*) FROM sqlite_schema")
