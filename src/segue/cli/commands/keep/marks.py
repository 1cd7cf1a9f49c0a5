"""The `pin` and `unpin` commands."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import echo, echo_json, escape_line
from segue.cli.session_lookup import find_or_current
from segue.models import Session

ids = click.argument("session_ids", metavar="[ID]...", nargs=-1)


@command(examples=["segue pin", "segue pin 0531-754 @3"])
@ids
@json_option
@pass_daemon
def pin(daemon: DaemonClient, *, session_ids: tuple[str, ...], as_json: bool) -> None:
    """Exempt sessions from cleanup.

    ID names a session as in `segue show`; default: the current session.
    """
    _update(daemon, session_ids, "is pinned", as_json=as_json, pinned=True)


@command(examples=["segue unpin", "segue unpin 0531-754"])
@ids
@json_option
@pass_daemon
def unpin(daemon: DaemonClient, *, session_ids: tuple[str, ...], as_json: bool) -> None:
    """Let cleanup delete sessions again.

    ID names a session as in `segue show`; default: the current session.
    """
    _update(daemon, session_ids, "is not pinned", as_json=as_json, pinned=False)


def _update(daemon: DaemonClient, given: tuple[str, ...], done: str, *, as_json: bool, **changes: object) -> None:
    sessions = [find_or_current(daemon, one) for one in given or (None,)]
    for session in sessions:
        response = daemon.exchange("session.update", session_id=session.id, **changes)
        if as_json:
            echo_json(response.raw())
        else:
            updated = response.decode(Session)
            echo(escape_line(f"{updated.id} {updated.name or ''}".rstrip() + f" {done}"))
