"""Where `segue` begins: plain calls are done at once, everything else is for the whole command line."""

import signal

# Before anything else is imported, which takes a while: Ctrl-C just ends the process then, without a traceback.
# `run_guarded` has Python's own way for the work itself. One that is ignored, as in the background, stays so.
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
