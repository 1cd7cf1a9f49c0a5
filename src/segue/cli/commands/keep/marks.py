"""The `pin`, `unpin`, `archive`, `unarchive`, `tag` and `untag` commands."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo, echo_json, escape_line
from segue.cli.session_lookup import find_or_current
from segue.models import Session
from segue.workflows import changes
from segue.workflows.changes import Change

ids = click.argument("session_ids", metavar="[ID]...", nargs=-1)
session_option = click.option(
    "--session", "session_ids", metavar="ID", multiple=True, help="Session ID, repeatable; default: the current one."
)
tags = click.argument("tags", metavar="TAG...", nargs=-1, required=True)


@command(examples=["segue pin", "segue pin 0531-754 @3"])
@ids
@json_option
@pass_daemon
def pin(daemon: DaemonClient, *, session_ids: tuple[str, ...], as_json: bool) -> None:
    """Exempt sessions from cleanup.

    ID names a session as in `segue show`; default: the current session.
    """
    for session in _find(daemon, session_ids):
        _send(daemon, changes.pin(session.id, pinned=True), "is pinned", as_json=as_json)


@command(examples=["segue unpin", "segue unpin 0531-754"])
@ids
@json_option
@pass_daemon
def unpin(daemon: DaemonClient, *, session_ids: tuple[str, ...], as_json: bool) -> None:
    """Let cleanup delete sessions again.

    ID names a session as in `segue show`; default: the current session.
    """
    for session in _find(daemon, session_ids):
        _send(daemon, changes.pin(session.id, pinned=False), "is not pinned", as_json=as_json)


@command(examples=["segue archive", "segue archive 0531-754 @3"])
@ids
@json_option
@pass_daemon
def archive(daemon: DaemonClient, *, session_ids: tuple[str, ...], as_json: bool) -> None:
    """Hide sessions from lists, and stop continuing them.

    `segue list --archived` shows them. ID names a session as in `segue show`; default: the current session.
    """
    for session in _find(daemon, session_ids):
        _send(daemon, changes.archive(session.id, archived=True), "is archived", as_json=as_json)


@command(examples=["segue unarchive 0531-754"])
@ids
@json_option
@pass_daemon
def unarchive(daemon: DaemonClient, *, session_ids: tuple[str, ...], as_json: bool) -> None:
    """Show archived sessions in lists again.

    ID names a session as in `segue show`; default: the current session.
    """
    for session in _find(daemon, session_ids):
        _send(daemon, changes.archive(session.id, archived=False), "is not archived", as_json=as_json)


@command(examples=["segue tag work urgent", "segue tag --session @2 work"])
@tags
@session_option
@json_option
@pass_daemon
def tag(daemon: DaemonClient, *, tags: tuple[str, ...], session_ids: tuple[str, ...], as_json: bool) -> None:
    """Add tags to a session.

    `segue list --tag TAG` selects by tag. A session has at most 50 tags of 1 to 100 characters.
    """
    for session in _find(daemon, session_ids):
        _tag(daemon, session, {*session.tags, *tags}, as_json=as_json)


@command(examples=["segue untag urgent", "segue untag --session @2 work"])
@tags
@session_option
@json_option
@pass_daemon
def untag(daemon: DaemonClient, *, tags: tuple[str, ...], session_ids: tuple[str, ...], as_json: bool) -> None:
    """Remove tags from a session."""
    for session in _find(daemon, session_ids):
        _tag(daemon, session, {*session.tags} - {*tags}, as_json=as_json)


def _find(daemon: DaemonClient, given: tuple[str, ...]) -> list[Session]:
    """Return all sessions before any is changed, so that an unknown ID changes nothing."""
    return [find_or_current(daemon, one) for one in given or (None,)]


def _tag(daemon: DaemonClient, session: Session, names: set[str], *, as_json: bool) -> None:
    done = f"has the tags: {', '.join(sorted(names))}" if names else "has no tags"
    _send(daemon, changes.tag(session, names), done, as_json=as_json)


def _send(daemon: DaemonClient, change: Change, done: str, *, as_json: bool) -> None:
    response = daemon.exchange_raw(change.method, change.params)
    if as_json:
        return echo_json(response.raw())
    updated = response.decode(Session)
    return echo(escape_line(f"{updated.id} {updated.name or ''}".rstrip() + f" {done}"))
