"""The `ping`, `status` and `check` commands."""

import time

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.check_advice import advice
from segue.cli.output.terminal import ago, echo, echo_json, escape_line, size, span, stdout_is_tty, when
from segue.client import Unreachable
from segue.results import CheckResult
from segue.status_results import (
    CleanupStatus,
    DaemonStatus,
    ImportStatus,
    JobStatus,
    PrivacyStatus,
    ReadStatus,
    ToolStatus,
)
from segue.workflows.expiry import count_expiring, expiry_text, waiting_text

LABEL_CHARS = 12

RETRY_PAUSE = 0.05
"""Seconds: pause between two connection attempts of `ping --wait`."""


@command(examples=["segue ping", "segue ping --wait 5"])
@click.option("--wait", type=click.FloatRange(min=0), default=0, metavar="SECONDS", help="Maximum wait in seconds.")
@json_option
@pass_daemon
def ping(daemon: DaemonClient, *, wait: float, as_json: bool) -> None:
    """Check that the daemon responds.

    Prints `pong`. Exit status 4 if no daemon responds; none is started.
    """
    daemon.autostart = False
    _wait_for_daemon(daemon, time.monotonic() + wait)
    response = daemon.exchange("daemon.ping")
    echo_json(response.raw()) if as_json else echo(response.decode(str))


@command(examples=["segue status", "segue status --json | jq .database"])
@json_option
@pass_daemon
def status(daemon: DaemonClient, *, as_json: bool) -> None:
    """Show the state, paths and load of the daemon.

    Exit status 4 if no daemon responds; none is started.
    """
    daemon.autostart = False
    response = daemon.exchange("daemon.status")
    if as_json:
        return echo_json(response.raw())
    for label, text in _describe(response.decode(DaemonStatus)).items():
        echo(f"{label:<{LABEL_CHARS}}{escape_line(text)}")
    if count := count_expiring(daemon):
        echo(f"{'expiring':<{LABEL_CHARS}}{expiry_text(count)}")
    return None


@command(examples=["segue check", "segue check --full"])
@click.option("--full", is_flag=True, help="Include every index, reference and counter; takes longer.")
@json_option
@pass_daemon
def check(daemon: DaemonClient, *, full: bool, as_json: bool) -> int:
    """Check the database and suggest a fix for each problem.

    Exit status 1 if any problems are found.
    """
    with daemon.show_job("check", "nothing was changed; run it again to check everything", quiet=as_json):
        response = daemon.exchange("daemon.check", full=full)
    result = response.decode(CheckResult)
    if as_json:
        echo_json(response.raw())
    else:
        for line in result.problems or ["ok"]:
            echo(escape_line(line))
        for line in advice(result.problems):
            echo(f"  {line}")
    return 0 if result.ok else 1


def _wait_for_daemon(daemon: DaemonClient, deadline: float) -> None:
    """Connect, and retry until the deadline.

    Raises:
        Unreachable: No daemon serves at the deadline.
    """
    while True:
        try:
            daemon.client  # noqa: B018 - Reading the property connects
        except Unreachable:
            if time.monotonic() >= deadline:
                raise
            time.sleep(RETRY_PAUSE)
        else:
            return


def _describe(status: DaemonStatus) -> dict[str, str]:
    database = status.database
    return {
        "segued": f"{status.version}, protocol {status.protocol}, pid {status.pid}, up {span(status.uptime_s)}",
        "socket": status.socket,
        "database": f"{database.path} ({size(database.bytes)}, WAL {size(database.wal_bytes)}, "
        f"schema {database.schema_version})",
        "holds": f"{_count(database.sessions, 'session')}, {_count(database.messages, 'message')}",
        "serves": f"{_count(status.clients, 'client')}, {_count(status.subscriptions, 'subscription')}; "
        f"{_count(status.requests, 'request')} so far",
        "errors": ", ".join(f"{count} {kind}" for kind, count in sorted(status.errors_by_kind.items())) or "none",
        "refused": f"{_count(status.refused_clients, 'client')} over the limit, {status.refused_peers} of other users; "
        f"{_count(status.dropped_subscribers, 'subscriber')} dropped",
        "writes": f"{status.writes.committed} so far, {status.queue_depth} waiting; "
        f"slowest {status.writes.slowest_recent_ms:g} ms recently, {status.writes.slowest_ms:g} ms since the start",
        "reads": _reads(status.reads),
        "process": f"{_count(status.process.tasks, 'task')}, {_count(status.process.threads, 'thread')}, "
        f"peak memory {size(status.process.peak_memory_bytes)}",
        "cleanup": _cleanup(status.cleanup),
        "secrets": _secrets(status.privacy),
        **(_import(status.import_) if status.import_ else {}),
        **({"works on": "; ".join(map(_job, status.jobs))} if status.jobs else {}),
    }


def _job(job: JobStatus) -> str:
    from segue.cli.output.progress import counts

    return " ".join(filter(None, (f"{job.job}:", job.step, counts(job.done, job.total, job.unit))))


def _import(found: ImportStatus) -> dict[str, str]:
    """Return a line about the importer, and one for each tool that has sessions or errors."""
    state = found.state if found.pid is None else f"{found.state}, pid {found.pid}"
    again = f", {_count(found.restarts, 'restart')}" if found.restarts else ""
    error = f"; {found.error}" if found.error else ""
    tools = {name: tool for name, tool in found.tools.items() if tool.sessions or tool.errors}
    return {"import": f"{state}{again}{error}", **{f"  {name}": _tool(tool) for name, tool in tools.items()}}


def _tool(tool: ToolStatus) -> str:
    at = tool.last_seen_at
    seen = "no change yet" if at is None else f"last change {ago(at) if stdout_is_tty() else at}"
    lag = "" if tool.lag_ms is None else f", imported after {tool.lag_ms / 1000:.1f} s"
    errors = f"; {_count(tool.error_count, 'error')}: {tool.errors[0]}" if tool.errors else ""
    return f"{_count(tool.sessions, 'session')}, {seen}{lag}{errors}"


def _secrets(privacy: PrivacyStatus) -> str:
    if not privacy.redact:
        return "stored unchanged (privacy.redact is false)"
    found = ", ".join(f"{count} {kind}" for kind, count in privacy.redacted.items()) or "none"
    return f"redacted before they are stored; so far {found}"


def _reads(reads: ReadStatus) -> str:
    oldest = "" if reads.oldest_ms is None else f"; the oldest started {reads.oldest_ms:g} ms ago"
    return f"{reads.running} running, {reads.waiting} waiting{oldest}"


def _cleanup(cleanup: CleanupStatus) -> str:
    last = "never" if cleanup.last_run_at is None else when(cleanup.last_run_at)
    if cleanup.last_result is not None:
        last += f" ({_count(cleanup.last_result.sessions_deleted, 'session')} deleted)"
    waiting = f"; {waiting_text(cleanup.waiting)}" if cleanup.waiting else ""
    return f"last {last}, next {'never' if cleanup.next_run_at is None else when(cleanup.next_run_at)}{waiting}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
