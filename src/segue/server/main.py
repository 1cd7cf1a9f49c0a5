"""The program `segued`: reads the options, prepares the process, and turns failures into an exit status."""

import gc
import logging
import os
import resource
import socket as sockets
import sys
from contextlib import suppress
from importlib.util import find_spec
from typing import NoReturn

import anyio
import click

from segue import __version__
from segue.config import Limits, LogLevel, check_tools
from segue.errors import StartError
from segue.files import find_replaceable
from segue.paths import PathOptions, Paths, resolve_paths
from segue.runtime.progress import Progress
from segue.server.daemon import serve
from segue.server.net.socket_activation import select_listener, take_descriptors
from segue.server.process.fd_limit import clamp_clients, raise_descriptor_limit
from segue.server.process.log_format import escape_line, priority, start_logging
from segue.server.process.malloc import return_large_blocks, stop_counting_in_sqlite
from segue.server.process.sd_notify import Notifier, find_notifier
from segue.server.process.signals import Shutdown, force_exit, handle_signals
from segue.server.process.startup_report import StartupReport

log = logging.getLogger("segue")

SWITCH_SECONDS = 0.0005
"""Seconds: how long the event loop keeps the interpreter while another thread waits. The default of 0.005 would add up,
because SQLite's threads release the interpreter at every step."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--socket", metavar="PATH", help="Path of the socket to listen at.")
@click.option("--database", metavar="PATH", help="Path of the database.")
@click.option("--config", metavar="PATH", help="Path of the configuration file.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Lowest level to log.")
@click.version_option(__version__, prog_name="segued", message="%(prog)s %(version)s")
@click.pass_obj
def command(
    report: StartupReport, *, socket: str | None, database: str | None, config: str | None, log_level: LogLevel | None
) -> None:
    """Serve sessions, messages and memories to this user's clients, in the foreground."""
    protect_process()
    tune_interpreter()
    return_large_blocks()
    stop_counting_in_sqlite()
    notifier, descriptors = find_notifier(), take_descriptors()
    paths, listener = select_listener(resolve_paths(PathOptions(socket, database, config)), descriptors)
    check_tools(paths.config, paths.config_path)
    start_logging(log_level or paths.config.daemon.log_level)
    limits, warning = clamp_clients(paths.config.limits)
    warnings = [] if warning is None else [warning]
    for subject, path in (("database", paths.database), ("socket", paths.socket), ("configuration", paths.config_path)):
        if directory := find_replaceable(path):
            warnings.append(f"other users can rename what leads to the {subject} {path}; check the mode of {directory}")
    if (config or os.environ.get("SEGUE_CONFIG")) and not paths.config_path.exists():
        warnings.append(f"there is no {paths.config_path}; every setting has its default")
    uvloop = {"use_uvloop": find_spec("uvloop") is not None}
    anyio.run(run, paths, limits, listener, notifier, warnings, report, backend_options=uvloop)


async def run(
    paths: Paths,
    limits: Limits,
    listener: sockets.socket | None,
    notifier: Notifier,
    warnings: list[str],
    report: StartupReport,
) -> None:
    """Serve until a signal, a client or the idle timer stops the daemon."""
    shutdown, progress = Shutdown(), Progress("start")

    def report_ready() -> None:
        report.end_steps()
        _print(f"ready on {paths.socket}")
        report.send(0, str(paths.socket))
        for warning in warnings:  # Not before, because a daemon that cannot start prints one line only.
            log.warning("%s", warning)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(handle_signals, shutdown)
        tasks.start_soon(force_exit, shutdown)
        tasks.start_soon(report.follow, progress, paths.lock)
        await serve(
            paths,
            shutdown,
            on_ready=report_ready,
            listener=listener,
            notifier=notifier,
            limits=limits,
            progress=progress,
        )
        tasks.cancel_scope.cancel()


def main(report: StartupReport | None = None) -> None:
    """Run the program and exit.

    Exit status 0: stopped; 1: cannot start; 2: wrong usage or configuration; 3: already running.
    """
    report = report or StartupReport()
    try:
        command.main(standalone_mode=False, obj=report)
    except click.ClickException as error:
        _fail(2, f"usage: {error.format_message()}", report)
    except BaseExceptionGroup as group:
        found = _first_start_error(group)
        if found is None:
            raise
        _fail(found.exit_code, str(found), report)
    except StartError as error:
        _fail(error.exit_code, str(error), report)
    finally:
        _discard_unwritable_stderr()


def protect_process() -> None:
    """Keep other users out of what the process creates, prevent core dumps, and allow many open files."""
    _occupy_standard_streams()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    raise_descriptor_limit()


def _occupy_standard_streams() -> None:
    """Open descriptors 0, 1 and 2 if they are closed.

    Otherwise the kernel would give these numbers to the daemon's files, and libuv aborts on such files.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:  # The kernel returns the lowest free number.
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)


def tune_interpreter() -> None:
    """Run the garbage collector less often and switch threads sooner.

    Reference counts free what a request leaves behind, except for the cycles of an exception's traceback. With these
    thresholds a line of 16 MiB of small arrays blocks the event loop for 0.4 s instead of 1.1 s.
    """
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    sys.setswitchinterval(SWITCH_SECONDS)


def _discard_unwritable_stderr() -> None:
    """Drop buffered output that cannot be written, because the interpreter would exit with status 120."""
    try:
        if sys.stderr is not None:  # None if it was closed at the start.
            sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _first_start_error(group: BaseExceptionGroup[BaseException]) -> StartError | None:
    matched = group.subgroup(StartError)
    while isinstance(matched, BaseExceptionGroup):
        matched = matched.exceptions[0]  # type: ignore[assignment]
    return matched


def _fail(code: int, text: str, report: StartupReport) -> NoReturn:
    _print(text, logging.ERROR)
    report.send(code, _one_line(text))
    sys.exit(code)


def _print(text: str, level: int = logging.INFO) -> None:
    """Print one line to stderr, whatever characters the text has."""
    line = f"{priority(level)}segued: {_one_line(text)}"
    with suppress(OSError):  # The daemon serves even if the disk behind stderr is full.
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def _one_line(text: str) -> str:
    return escape_line(" ".join(text.split()))


if __name__ == "__main__":
    main()
