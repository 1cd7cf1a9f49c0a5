"""The `pin`, `unpin`, `archive`, `unarchive`, `tag` and `untag` commands."""

import re
from itertools import takewhile

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo, echo_json, escape_line
from segue.cli.session_lookup import find_or_current
from segue.models import Session
from segue.workflows import changes
from segue.workflows.changes import Change
from segue.workflows.labels import GENERATED_ID

ids = click.argument("session_ids", metavar="[ID]...", nargs=-1)
session_option = click.option(
    "--session", "session_ids", metavar="ID", multiple=True, help="Session ID, repeatable; default: the current one."
)
tags = click.argument("words", metavar="[ID]... TAG...", nargs=-1, required=True)

ID_FORM = re.compile(rf"@[1-9]\d*|-|{GENERATED_ID}|\d{{4}}-\d{{3,}}", re.ASCII)
"""An argument before the tags that names a session. A session with another ID is named by --session."""


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


@command(examples=["segue tag work urgent", "segue tag 0531-754 @3 work"])
@tags
@session_option
@json_option
@pass_daemon
def tag(daemon: DaemonClient, *, words: tuple[str, ...], session_ids: tuple[str, ...], as_json: bool) -> None:
    """Add tags to sessions.

    ID is a generated ID or its end, @N or -; default: the current session. `segue list --tag TAG` selects by tag. A
    session has at most 50 tags of 1 to 100 characters.
    """
    session_ids, tags = _split(words, session_ids)
    for session in _find(daemon, session_ids):
        _tag(daemon, session, {*session.tags, *tags}, as_json=as_json)


@command(examples=["segue untag urgent", "segue untag 0531-754 work"])
@tags
@session_option
@json_option
@pass_daemon
def untag(daemon: DaemonClient, *, words: tuple[str, ...], session_ids: tuple[str, ...], as_json: bool) -> None:
    """Remove tags from sessions.

    ID is a generated ID or its end, @N or -; default: the current session.
    """
    session_ids, tags = _split(words, session_ids)
    for session in _find(daemon, session_ids):
        _tag(daemon, session, {*session.tags} - {*tags}, as_json=as_json)


def _split(words: tuple[str, ...], session_ids: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the sessions, with those named before the tags, and the tags."""
    named = tuple(takewhile(ID_FORM.fullmatch, words))
    if len(named) == len(words):
        raise click.UsageError("Missing argument 'TAG...'.")
    return (*session_ids, *named), words[len(named) :]


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
