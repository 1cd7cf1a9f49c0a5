"""Checks of the running daemon and of what it serves. No daemon is started."""

import os
from collections.abc import Iterator

from segue import PROTOCOL, __version__
from segue.cli.daemon_client import DaemonClient
from segue.cli.doctor.result import Result, failure, ok, warning
from segue.cli.output.check_advice import ADVICE
from segue.cli.output.terminal import span
from segue.client import ClientError, Unreachable
from segue.client.autostart.daemon_log import log_path
from segue.client.diagnostics import holder_hint
from segue.errors import SegueError
from segue.paths import Paths
from segue.results import CheckResult, DaemonStatus
from segue.timestamps import milliseconds, wall_ms
from segue.workflows.expiry import count_expiring, expiry_text, waiting_text

OLD_BACKUP_SECONDS = 30 * 86_400
FEW_MESSAGES = 100
"""Messages: a database with fewer needs no backup yet."""


def check_daemon(daemon: DaemonClient, paths: Paths) -> Iterator[Result]:
    """Yield the results for the daemon, and if it responds, for everything that it reports."""
    daemon.autostart = False
    try:
        daemon.disable_timeout()
        status = daemon.call("daemon.status", DaemonStatus)
        yield _check_version(status)
        yield from _check_status(daemon, status)
        yield from _check_content(daemon)
    except Unreachable as error:
        yield _check_absence(paths, error)
    except (ClientError, SegueError) as error:
        yield failure("daemon", str(error))


def _check_absence(paths: Paths, error: Unreachable) -> Result:
    if not error.absent:
        return failure("daemon", str(error))
    if hint := holder_hint(paths):
        return failure("daemon", f"no daemon listens at {paths.socket}{hint}")
    if not paths.may_start:
        return failure("daemon", f"{error}; a socket that is named without a database never starts one")
    if os.environ.get("SEGUE_NO_AUTOSTART", "") not in ("", "0"):
        return warning("daemon", "not running, and SEGUE_NO_AUTOSTART prevents its start; run: segue start")
    return ok("daemon", "not running; the next command that needs it starts it")


def _check_version(status: DaemonStatus) -> Result:
    text = f"segued {status.version}, pid {status.pid}, up {span(status.uptime_s)}"
    if (status.version, status.protocol) != (__version__, PROTOCOL):
        return warning("daemon", f"{text}, but this is segue {__version__}; run: segue restart")
    return ok("daemon", text)


def _check_status(daemon: DaemonClient, status: DaemonStatus) -> Iterator[Result]:
    if status.config_changed:
        yield warning("config", "the file changed since the daemon started; run: segue restart")
    if internal := status.errors_by_kind.get("internal", 0):
        yield warning("errors", f"{internal} internal errors since the start; see {log_path()} and report them")
    yield _check_backup(status)
    if status.cleanup.waiting:
        yield warning("cleanup", waiting_text(status.cleanup.waiting))
    elif count := count_expiring(daemon):
        yield warning("cleanup", expiry_text(count))
    else:
        yield ok("cleanup", "no session is about to be deleted")


def _check_backup(status: DaemonStatus) -> Result:
    last = status.database.last_backup_at
    if last is None:
        if status.database.messages < FEW_MESSAGES:
            return ok("backup", "no backup yet; make one with: segue backup PATH")
        return warning("backup", f"no backup of {status.database.messages} messages; run: segue backup PATH")
    seconds = max(0, wall_ms() - milliseconds(last)) // 1000
    text = f"the last one was made {span(seconds)} ago"
    return warning("backup", f"{text}; run: segue backup PATH") if seconds > OLD_BACKUP_SECONDS else ok("backup", text)


def _check_content(daemon: DaemonClient) -> Iterator[Result]:
    problems = daemon.call("daemon.check", CheckResult).problems
    for problem in problems:
        advice = ADVICE.get(problem.partition(":")[0])
        yield failure("content", f"{problem}. {advice}" if advice else problem)
    if not problems:
        yield ok("content", "the file is intact; `segue check --full` also reads every row and the search index")
