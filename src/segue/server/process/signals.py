"""Being told to stop: once politely, a second time in a hurry."""

import os
import signal
import threading

import anyio

EXIT_SECONDS = 10
"""A daemon that has not left by then after it was told to, because a disk hangs say, is ended by force."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Shutdown:
    """What somebody asked of us: by signal, by `daemon.shutdown`, or because nobody needs us."""

    def __init__(self) -> None:
        self.requested = anyio.Event()
        """Finish what was received, then leave."""
        self.hurried = anyio.Event()
        """Leave now; what is committed stays committed."""


async def handle_signals(stop: Shutdown) -> None:
    """Turn the first signal into a request and the second into hurry."""
    # nohup asks us to outlive the terminal.
    wanted = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    with anyio.open_signal_receiver(*wanted) as signals:
        async for _ in signals:
            if stop.requested.is_set():
                stop.hurried.set()
            stop.requested.set()


async def force_exit(stop: Shutdown) -> None:
    """Once told to stop, see to it that the process ends, even if the loop or the disk hangs."""
    await stop.requested.wait()
    timer = threading.Timer(EXIT_SECONDS, os._exit, (1,))
    timer.daemon = True
    timer.start()
