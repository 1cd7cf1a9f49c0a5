"""Commands on one session: new, rename, end, resume and fork."""

import shlex

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.integration.own_command import own_command
from segue.cli.output.session_table import NAME_CELLS, picker_cells
from segue.cli.output.terminal import Failure, echo, echo_json, escape_line, styled, warn
from segue.cli.output.transcript import print_message
from segue.cli.session_lookup import current_place, find_or_current, find_session, resolve
from segue.models import Session
from segue.results import MessagePage, SessionPage
from segue.workflows import changes

PICKED = 200
"""Sessions: how many newest ones can be picked."""

LAST = 6
"""Messages: how many `resume` shows. They are enough to recognize the conversation."""


@command(examples=["segue new", "segue new --name 'Release 2.0' --model claude-opus --pinned"])
@click.option("--name", metavar="TEXT", help="Name; default: taken from the first message.")
@click.option("--provider", metavar="TEXT", help="Provider of the model.")
@click.option("--model", metavar="TEXT", help="Name of the model.")
@click.option("--system", metavar="TEXT", help="System prompt.")
@click.option("--bot", metavar="ID", help="Bot ID of the owner; default: the bot `default`.")
@click.option("--pinned", is_flag=True, help="Exempt the session from cleanup.")
@json_option
@pass_daemon
def new(
    daemon: DaemonClient,
    *,
    name: str | None,
    provider: str | None,
    model: str | None,
    system: str | None,
    bot: str | None,
    pinned: bool,
    as_json: bool,
) -> None:
    """Start a session in the current directory and print its ID.

    The directory continues the new session from now on; in a git repository, the whole repository does. If the current
    session is still empty and has no name or other settings, it becomes the new one.
    """
    place = current_place(daemon)
    fields = {"name": name, "provider": provider, "model": model, "system_prompt": system, "pinned": pinned or None}
    empty = _empty_session(daemon, place, bot)
    if empty is not None:
        response = daemon.exchange("session.update", session_id=empty.id, working_dir=place["working_dir"], **fields)
    else:
        place.pop("scope", None)
        response = daemon.exchange("session.create", **place, bot_id=bot, **fields)
    echo_json(response.raw()) if as_json else echo(response.decode(Session).id)


def _empty_session(daemon: DaemonClient, place: dict[str, str], bot: str | None) -> Session | None:
    """Return the session that the place continues if it is as `segue new` creates it, else None."""
    session = resolve(daemon, place, bot).session
    if session is None or session.message_count or session.pinned:
        return None
    given = (session.name, session.provider, session.model, session.system_prompt, session.parent_id)
    return session if not any(given) and not session.metadata and not session.tags else None


@command(examples=["segue rename 'Release notes'", "segue rename 2026-11-21-0531-754 'Release notes'"])
@click.argument("session_and_name", metavar="[ID] NAME", nargs=-1, required=True)
@json_option
@pass_daemon
def rename(daemon: DaemonClient, *, session_and_name: tuple[str, ...], as_json: bool) -> None:
    """Rename a session.

    ID names a session as in `segue show`; default: the current session. A name that you set is never replaced by an
    automatic one.
    """
    words = session_and_name
    if len(words) > 2:
        raise click.UsageError("too many arguments: expected [ID] NAME; quote a name that contains spaces")
    session = find_or_current(daemon, words[0] if len(words) == 2 else None)
    change = changes.rename(session.id, words[-1])
    response = daemon.exchange_raw(change.method, change.params)
    if as_json:
        return echo_json(response.raw())
    renamed = response.decode(Session)
    return echo(f"{renamed.id} is now {escape_line(renamed.name or '')}")


@command(examples=["segue end", "segue end --crashed 2026-11-21-0531-754"])
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--crashed", is_flag=True, help="Mark as crashed; the directory may still continue the session.")
@json_option
@pass_daemon
def end(daemon: DaemonClient, *, session_id: str | None, crashed: bool, as_json: bool) -> None:
    """End a session, so that its directory stops continuing it.

    ID names a session as in `segue show`; default: the current session. If the directory continues another session
    afterwards, the command says which.
    """
    session = find_or_current(daemon, session_id)
    response = daemon.exchange("session.end", session_id=session.id, status="crashed" if crashed else None)
    if as_json:
        return echo_json(response.raw())
    ended = response.decode(Session)
    echo(f"{ended.id} is {ended.status}")
    following = resolve(daemon, current_place(daemon)).session if session_id is None else None
    if following is not None and following.id != ended.id:
        name = escape_line(following.name or "")
        warn(f"this directory now continues {following.id} {name}; `segue new` starts another session")
    return None


@command(examples=["segue resume", "segue resume 2026-11-21-0531-754", "segue resume --in-place 2026-11-21"])
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--in-place", is_flag=True, help="Keep the session in its own directory.")
@json_option
@pass_daemon
def resume(daemon: DaemonClient, *, session_id: str | None, in_place: bool, as_json: bool) -> int:
    """Continue a session here and show its last messages.

    ID names a session as in `segue show`. Without it you pick a session: with fzf if it is installed, else by number. A
    session of another directory moves to the current directory. With --in-place, its own directory continues it
    instead.
    """
    place = current_place(daemon)
    if session_id is None:
        session_id = _pick(daemon)
        if session_id is None:
            return warn("nothing resumed", 1)
    before = find_session(daemon, session_id)
    change = changes.resume(before.id, None if in_place else place, place.get("terminal"))
    response = daemon.exchange_raw(change.method, change.params)
    if as_json:
        echo_json(response.raw())
        return 0
    after = response.decode(Session)
    echo(styled(escape_line(f"resumed {after.id} {after.name or ''}".rstrip()), bold=True))
    if before.working_dir != after.working_dir:
        echo(escape_line(f"moved from {before.working_dir or 'no directory'} to {after.working_dir}"))
    _print_last(daemon, after.id)
    return 0


def _pick(daemon: DaemonClient) -> str | None:
    """Return the ID of the session that a person picks, or None."""
    from segue.cli.picker import has_fzf, has_terminal, pick_by_number, pick_with_fzf

    if not has_terminal():
        raise click.UsageError("Missing argument 'ID'; a session can be picked on a terminal only.")
    page = daemon.call("session.list", SessionPage, limit=PICKED, preview_chars=NAME_CELLS * 2, source="")
    if not page.sessions:
        raise Failure("no sessions yet; start one with: segue new")
    if not has_fzf():
        chosen = pick_by_number((session.id, *picker_cells(session)) for session in page.sessions)
        return None if chosen is None else chosen[0]
    preview = shlex.join([*own_command(), "show", "-n", str(LAST), "--color", "always"]) + " -- {1}"
    rows = [(session.id, "  ".join(picker_cells(session))) for session in page.sessions]
    found = pick_with_fzf(rows, prompt="resume> ", preview=preview)
    return None if found is None else found[0]


def _print_last(daemon: DaemonClient, session_id: str) -> None:
    page = daemon.call("message.list", MessagePage, session_id=session_id, order="desc", limit=LAST)
    for message in reversed(page.messages):
        print_message(message)


@command(examples=["segue fork", "segue fork 2026-11-21-0531-754 --upto 12 --name 'Another way'"])
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--upto", type=click.IntRange(min=0), metavar="MESSAGE", help="Last message ID to copy; default: all.")
@click.option("--name", metavar="TEXT", help="Name; default: taken from the original.")
@json_option
@pass_daemon
def fork(daemon: DaemonClient, *, session_id: str | None, upto: int | None, name: str | None, as_json: bool) -> None:
    """Copy a session into a new one and print the new ID.

    ID names a session as in `segue show`; default: the current session. The directory continues the copy from now on.
    The original does not change.
    """
    session = find_or_current(daemon, session_id)
    change = changes.fork(session.id, upto, name)
    response = daemon.exchange_raw(change.method, change.params)
    echo_json(response.raw()) if as_json else echo(response.decode(Session).id)
