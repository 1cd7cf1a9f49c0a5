"""The entry point of `segue`. Simple calls take the fast path, which does not import click and msgspec."""

import signal

# During the imports below, Ctrl-C ends the process without a traceback. `run_guarded` restores Python's own handler
# for the command. A signal that is ignored, as in the background, stays ignored.
if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import gc
import os
import sys

from segue.cli.deferred import defer_imports, import_msgspec

defer_imports()
# The imports make many objects and no garbage. Only a long command, such as `tail`, makes enough to be worth a search.
gc.set_threshold(100_000)

from segue.cli.output.terminal import prepare_streams, run_guarded  # noqa: E402 - Each import is quicker now


def main() -> None:
    """Run the program and exit."""
    if "_SEGUE_COMPLETE" in os.environ:
        from segue.cli.main import command

        command.main(prog_name="segue")
    prepare_streams()
    arguments = sys.argv[1:]
    code = None
    if arguments[:1] == ["prompt"]:
        from segue.cli.fast_prompt import fast_prompt

        code = run_guarded(lambda: fast_prompt(arguments))
    elif arguments[:1] in (["ping"], ["rpc"]):
        from segue.cli.fast_path import fast_call

        code = run_guarded(lambda: fast_call(arguments))
    if code is None:
        import_msgspec()
        from segue.cli.main import run

        code = run(arguments)
    gc.freeze()  # The interpreter then does not search the objects for garbage when it ends.
    sys.exit(code)


if __name__ == "__main__":
    main()
