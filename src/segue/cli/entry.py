"""The entry point of `segue`. Simple calls take the fast path, which does not import click and msgspec."""

import signal

# During the imports below, Ctrl-C ends the process without a traceback. `run_guarded` restores Python's own handler
# for the command. A signal that is ignored, as in the background, stays ignored.
if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import os
import sys

from segue.cli.fast_path import fast_call
from segue.cli.output.terminal import prepare_streams, run_guarded


def main() -> None:
    """Run the program and exit."""
    prepare_streams()
    arguments = sys.argv[1:]
    code = None if "_SEGUE_COMPLETE" in os.environ else run_guarded(lambda: fast_call(arguments))
    if code is None:
        from segue.cli.main import main as run_whole

        run_whole()
    sys.exit(code)


if __name__ == "__main__":
    main()
