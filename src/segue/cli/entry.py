"""Where `segue` begins: plain calls are done at once, everything else is for the whole command line."""

import os
import sys

from segue.cli.output import guarded, prepare_streams
from segue.cli.plain import call_plainly


def main() -> None:
    """Run the program and exit."""
    prepare_streams()
    arguments = sys.argv[1:]
    code = None if "_SEGUE_COMPLETE" in os.environ else guarded(lambda: call_plainly(arguments))
    if code is None:
        from segue.cli.main import main as run_whole

        run_whole()
    sys.exit(code)


if __name__ == "__main__":
    main()
