"""The entry point of `segued`: what must happen before the imports, which take a fifth of a second."""

import os
import signal

from segue.server.process.startup_report import detach

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Run the program; a client that started it in the background gets its first process back immediately."""
    _exit_on_signal()
    report = detach()
    from segue.server.main import main as run_segued

    run_segued(report)


def _exit_on_signal() -> None:
    """Exit with status 0 on a signal until the event loop handles signals; nothing is open that needs closing."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores SIGHUP, so the daemon must too.
            signal.signal(number, lambda *_: os._exit(0))


if __name__ == "__main__":
    main()
