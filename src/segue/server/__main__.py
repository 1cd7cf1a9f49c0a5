"""The way into `segued`: what must be done before the imports, which take a fifth of a second."""

import os
import signal

from segue.server.process.startup_report import detach

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Run the program; whoever started it in the background gets its first process back at once."""
    _leave_at_a_signal()
    starter = detach()
    from segue.server.main import main as serve

    serve(starter)


def _leave_at_a_signal() -> None:
    """Exit 0 as later, when there is a loop to be told: until then nothing is open that needs closing."""
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup asks us to outlive the terminal
            signal.signal(number, lambda *_: os._exit(0))


if __name__ == "__main__":
    main()
