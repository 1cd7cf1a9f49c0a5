"""Signals that stop the daemon: the first starts a clean shutdown, the second cuts it short."""

import logging
import os
import signal
import threading

import anyio

log = logging.getLogger("segue.server")

EXIT_SECONDS = 10
"""Seconds. The process exits this long after a shutdown was requested, even if the disk or the event loop hangs."""

LOG_SECONDS = 0.5
"""Seconds: how long a forced exit waits for its log line, because stderr may hang too."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Shutdown:
    """A request to stop, from a signal, from `daemon.shutdown` or from the idle timer."""

    def __init__(self) -> None:
        self.requested = anyio.Event()
        """Set: answer what was received, then exit."""
        self.forced = anyio.Event()
        """Set: exit without answering. What is committed stays committed."""


async def handle_signals(shutdown: Shutdown) -> None:
    """Request a shutdown at the first signal and force it at the second."""
    # A signal that is ignored stays ignored, because nohup sets SIGHUP so.
    wanted = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    with anyio.open_signal_receiver(*wanted) as signals:
        async for _ in signals:
            if shutdown.requested.is_set():
                shutdown.forced.set()
            shutdown.requested.set()


async def force_exit(shutdown: Shutdown) -> None:
    """Exit the process EXIT_SECONDS after a shutdown was requested, from a thread of its own."""
    await shutdown.requested.wait()
    timer = threading.Timer(EXIT_SECONDS, _exit_now)
    timer.daemon = True
    timer.start()


def _exit_now() -> None:
    logging_thread = threading.Thread(target=_log_forced_exit, daemon=True)
    logging_thread.start()
    logging_thread.join(LOG_SECONDS)
    os._exit(1)


def _log_forced_exit() -> None:
    log.error("the exit took longer than %g s, exiting for a restart; what was answered is stored", EXIT_SECONDS)
