"""`ping`, `status`, `check`: is it there, how does it fare, is the file sound."""

import time

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.check_advice import advice
from segue.cli.output.terminal import echo, echo_json, escape_line, size, span, when
from segue.client import NotStarted, Unreachable
from segue.results import CheckResult, CleanupStatus, DaemonStatus, PrivacyStatus, ReadStatus

WAIT_PAUSE = 0.05
"""Seconds between two looks for a daemon that starts."""


@click.command()
@click.option("--wait", type=click.FloatRange(min=0), default=0, metavar="SECONDS", help="Give a daemon time to start.")
@json_option
@pass_daemon
def ping(daemon: Daemon, *, wait: float, as_json: bool) -> None:
    """Print `pong` if the daemon answers."""
    _wait_for(daemon, time.monotonic() + wait)
    answer = daemon.answer("daemon.ping")
    echo_json(answer.raw()) if as_json else echo(answer.decode(str))


@click.command()
@json_option
@pass_daemon
def status(daemon: Daemon, *, as_json: bool) -> None:
    """Show what the daemon is doing and where everything is."""
    answer = daemon.answer("daemon.status")
    if as_json:
        return echo_json(answer.raw())
    found = answer.decode(DaemonStatus)
    for label, text in _describe(found).items():
        echo(f"{label:<10}{escape_line(text)}")
    return None


@click.command()
@click.option("--full", is_flag=True, help="Also every index, reference and counter.")
@json_option
@pass_daemon
def check(daemon: Daemon, *, full: bool, as_json: bool) -> int:
    """Look the database over and tell each problem and what to do; exit 1 if there is one."""
    daemon.disable_timeout()
    answer = daemon.answer("daemon.check", full=full)
    result = answer.decode(CheckResult)
    if as_json:
        echo_json(answer.raw())
    else:
        for line in result.problems or ["ok"]:
            echo(escape_line(line))
        for line in advice(result.problems):
            echo(f"  {line}")
    return 0 if result.ok else 1


def _wait_for(daemon: Daemon, deadline: float) -> None:
    """Return when somebody serves; Unreachable if nobody does by the deadline, or at once if none can be started."""
    while True:
        try:
            daemon.client  # noqa: B018 - connected by being looked at
        except Unreachable as fault:
            if isinstance(fault, NotStarted) or time.monotonic() >= deadline:
                raise
            time.sleep(WAIT_PAUSE)
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
        "refused": f"{_count(status.refused_clients, 'client')} too many, {status.refused_peers} of other users; "
        f"{_count(status.dropped_subscribers, 'subscriber')} dropped",
        "writes": f"{status.writes.committed} so far, {status.queue_depth} waiting; "
        f"slowest {status.writes.slowest_recent_ms:g} ms lately, {status.writes.slowest_ms:g} ms ever",
        "reads": _reads(status.reads),
        "process": f"{_count(status.process.tasks, 'task')}, {_count(status.process.threads, 'thread')}, "
        f"at most {size(status.process.peak_memory_bytes)} of memory",
        "cleanup": _cleanup(status.cleanup),
        "secrets": _secrets(status.privacy),
    }


def _secrets(privacy: PrivacyStatus) -> str:
    if not privacy.redact:
        return "stored as they come (privacy.redact is false)"
    found = ", ".join(f"{count} {kind}" for kind, count in privacy.redacted.items()) or "none"
    return f"taken out before they are stored; so far {found}"


def _reads(reads: ReadStatus) -> str:
    oldest = "" if reads.oldest_ms is None else f"; the oldest began {reads.oldest_ms:g} ms ago"
    return f"{reads.running} running, {reads.waiting} waiting{oldest}"


def _cleanup(cleanup: CleanupStatus) -> str:
    last = "never yet" if cleanup.last_run_at is None else when(cleanup.last_run_at)
    if cleanup.last_result is not None:
        last += f" ({_count(cleanup.last_result.sessions_deleted, 'session')} deleted)"
    return f"last {last}, next {'never' if cleanup.next_run_at is None else when(cleanup.next_run_at)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
