"""The program `segued`: options in, exit code out, one line on stderr when it could not start."""

import gc
import logging
import os
import resource
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import NoReturn

import anyio
import click

from segue import __version__
from segue.config import LogLevel
from segue.errors import StartError
from segue.paths import PathOptions, resolve_paths
from segue.server.daemon import serve
from segue.server.net.socket_activation import Listening, listen_at, take_descriptors
from segue.server.process.log_format import escape_line, priority, start_logging
from segue.server.process.malloc import return_large_blocks
from segue.server.process.sd_notify import Notifier, find_notifier
from segue.server.process.signals import Shutdown, force_exit, handle_signals
from segue.server.process.startup_report import StartupReport

log = logging.getLogger("segue")

DESCRIPTORS = 65536
"""Open files we ask for, if the hard limit allows: a client is one."""

SWITCH_SECONDS = 0.0005
"""How long the loop keeps the interpreter from a thread of SQLite, which gives it up at each step: 0.005 otherwise."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--socket", metavar="PATH", help="Listen here.")
@click.option("--database", metavar="PATH", help="Keep everything in this file.")
@click.option("--config", metavar="PATH", help="Read this configuration file.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Log from this level on.")
@click.version_option(__version__, prog_name="segued", message="%(prog)s %(version)s")
@click.pass_obj
def command(
    starter: StartupReport, *, socket: str | None, database: str | None, config: str | None, log_level: LogLevel | None
) -> None:
    """Serve sessions, messages, memories and summaries to every client of this user, in the foreground."""
    protect_process()
    tune_interpreter()
    return_large_blocks()
    notifier, descriptors = find_notifier(), take_descriptors()
    paths = resolve_paths(PathOptions(socket, database, config))
    listening = listen_at(paths, descriptors)
    start_logging(log_level or paths.config.daemon.log_level)
    remarks = [] if listening.remark is None else [listening.remark]
    if (config or os.environ.get("SEGUE_CONFIG")) and not paths.config_path.exists():
        remarks.append(f"there is no {paths.config_path}; every setting has its default")
    uvloop = {"use_uvloop": find_spec("uvloop") is not None}
    anyio.run(run, listening, notifier, remarks, starter, backend_options=uvloop)


async def run(listening: Listening, notifier: Notifier, remarks: list[str], starter: StartupReport) -> None:
    """Serve until a signal, a client or idleness ends it; the remarks are logged once it serves."""
    stop, paths = Shutdown(), listening.paths

    def tell_ready() -> None:
        _tell(f"ready on {paths.socket}")
        starter.tell(0, str(paths.socket))
        for remark in remarks:  # not before: one that cannot start says one line
            log.warning("%s", remark)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(handle_signals, stop)
        tasks.start_soon(force_exit, stop)
        await serve(paths, stop, on_ready=tell_ready, listener=listening.listener, notifier=notifier)
        tasks.cancel_scope.cancel()


def main(starter: StartupReport | None = None) -> None:
    """Run the program and exit: 0 stopped, 1 could not start, 2 usage or configuration, 3 already running."""
    starter = starter or StartupReport()
    try:
        command.main(standalone_mode=False, obj=starter)
    except click.ClickException as error:
        _fail(2, f"usage: {error.format_message()}", starter)
    except BaseExceptionGroup as group:
        found = _first_start_error(group)
        if found is None:
            raise
        _fail(found.exit_code, str(found), starter)
    except StartError as error:
        _fail(error.exit_code, str(error), starter)
    finally:
        _let_go_of_stderr()


def protect_process() -> None:
    """Nothing we make is readable by others, nothing of us is dumped, and there are descriptors for all clients."""
    _occupy_standard_streams()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _occupy_standard_streams() -> None:
    """See to it that 0, 1 and 2 are open, or files of ours would be given these numbers; libuv aborts on such."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:  # the lowest that is free
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)


def tune_interpreter() -> None:
    """Look for garbage less often, and let threads take turns sooner.

    A line of 16 MiB of small arrays holds everyone up 0.4 s instead of 1.1 s: what a request leaves behind is freed
    as it goes, and only what an exception's traceback ties up waits for the collector.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    sys.setswitchinterval(SWITCH_SECONDS)


def _let_go_of_stderr() -> None:
    """Drop what cannot be written, or the interpreter would exit 120 for it."""
    try:
        if sys.stderr is not None:  # it was closed from the start
            sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _first_start_error(group: BaseExceptionGroup[BaseException]) -> StartError | None:
    matched = group.subgroup(StartError)
    while isinstance(matched, BaseExceptionGroup):
        matched = matched.exceptions[0]  # type: ignore[assignment]
    return matched


def _fail(code: int, text: str, starter: StartupReport) -> NoReturn:
    _tell(text, logging.ERROR)
    starter.tell(code, _words(text))
    sys.exit(code)


def _tell(text: str, level: int = logging.INFO) -> None:
    """One line on stderr, whatever is in the text."""
    line = f"{priority(level)}segued: {_words(text)}"
    with suppress(OSError):  # a full disk behind stderr is no reason not to serve
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def _words(text: str) -> str:
    return escape_line(" ".join(text.split()))


if __name__ == "__main__":
    main()
