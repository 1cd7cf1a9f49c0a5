"""Commands on one session: new, rename, end, resume, fork and delete."""

import sys

import click

from segue.cli.confirm import confirmed, require_tty
from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import echo, echo_json, escape_line, stdout_is_tty, styled, warn
from segue.cli.output.transcript import put_message
from segue.cli.session_lookup import current_directory, find_or_current, find_session, resolve
from segue.models import Session
from segue.results import Deleted, MessagePage


@click.command()
@click.option("--name", metavar="TEXT", help="Its name; otherwise the first message gives it one.")
@click.option("--provider", metavar="TEXT", help="Who runs the model.")
@click.option("--model", metavar="TEXT", help="The model.")
@click.option("--system", metavar="TEXT", help="The system prompt.")
@click.option("--bot", metavar="ID", help="The bot that owns it.")
@click.option("--pinned", is_flag=True, help="Never clean it up.")
@json_option
@pass_daemon
def new(
    daemon: Daemon,
    *,
    name: str | None,
    provider: str | None,
    model: str | None,
    system: str | None,
    bot: str | None,
    pinned: bool,
    as_json: bool,
) -> None:
    """Begin a session in the current directory, which continues it from now on, and print its id."""
    answer = daemon.answer(
        "session.create",
        working_dir=current_directory(),
        name=name,
        provider=provider,
        model=model,
        system_prompt=system,
        bot_id=bot,
        pinned=pinned,
    )
    echo_json(answer.raw()) if as_json else echo(answer.decode(Session).id)


@click.command()
@click.argument("session_and_name", metavar="[ID] NAME", nargs=-1, required=True)
@json_option
@pass_daemon
def rename(daemon: Daemon, *, session_and_name: tuple[str, ...], as_json: bool) -> None:
    """Give a session, by default the current one, a name that is never overwritten."""
    words = session_and_name
    if len(words) > 2:
        raise click.UsageError("give one word, the name, or two, the id and the name; quote a name that has blanks")
    session = find_or_current(daemon, words[0] if len(words) == 2 else None)
    answer = daemon.answer("session.update", session_id=session.id, name=words[-1])
    if as_json:
        return echo_json(answer.raw())
    renamed = answer.decode(Session)
    return echo(f"{renamed.id} is now {escape_line(renamed.name or '')}")


@click.command()
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--crashed", is_flag=True, help="It did not end as it should have; its directory may go on with it.")
@json_option
@pass_daemon
def end(daemon: Daemon, *, session_id: str | None, crashed: bool, as_json: bool) -> None:
    """End a session, by default the current one: its directory does not continue it any more."""
    session = find_or_current(daemon, session_id)
    answer = daemon.answer("session.end", session_id=session.id, status="crashed" if crashed else None)
    if as_json:
        return echo_json(answer.raw())
    ended = answer.decode(Session)
    echo(f"{ended.id} is {ended.status}")
    if session_id is None and stdout_is_tty() and (left := resolve(daemon, current_directory()).session):
        warn(f"this directory now continues {left.id} {escape_line(left.name or '')}; `segue new` begins another")
    return None


LAST = 6
"""Messages shown, so that a person knows again what it was about."""


@click.command()
@click.argument("session_id", metavar="ID")
@click.option("--in-place", is_flag=True, help="Leave it to its own directory.")
@json_option
@pass_daemon
def resume(daemon: Daemon, *, session_id: str, in_place: bool, as_json: bool) -> None:
    """Make a session the one that the current directory continues, and show its last messages.

    A session of another directory moves here; with --in-place its own directory continues it.
    """
    directory = None if in_place else current_directory()
    before = find_session(daemon, session_id)
    answer = daemon.answer("session.resume", session_id=before.id, working_dir=directory)
    if as_json:
        return echo_json(answer.raw())
    after = answer.decode(Session)
    echo(styled(escape_line(f"resumed {after.id} {after.name or ''}".rstrip()), bold=True))
    if before.working_dir != after.working_dir:
        echo(escape_line(f"moved from {before.working_dir or 'no directory'} to {after.working_dir}"))
    return _put_last(daemon, after.id)


def _put_last(daemon: Daemon, session_id: str) -> None:
    page = daemon.ask("message.list", MessagePage, session_id=session_id, order="desc", limit=LAST)
    for message in reversed(page.messages):
        put_message(message)


@click.command()
@click.argument("session_id", metavar="[ID]", required=False)
@click.option(
    "--upto", type=click.IntRange(min=0), metavar="MESSAGE", help="The last message to copy; without it, all."
)
@click.option("--name", metavar="TEXT", help="Its name; otherwise that of the original.")
@json_option
@pass_daemon
def fork(daemon: Daemon, *, session_id: str | None, upto: int | None, name: str | None, as_json: bool) -> None:
    """Make a new session with copies of another one's messages, by default the current one's, and print its id.

    Its directory continues the new one from now on; the original stays as it is.
    """
    session = find_or_current(daemon, session_id)
    answer = daemon.answer("session.fork", session_id=session.id, upto_message_id=upto, name=name)
    echo_json(answer.raw()) if as_json else echo(answer.decode(Session).id)


@click.command()
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_daemon
def delete(daemon: Daemon, *, session_ids: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Delete sessions with all their messages and summaries; nothing is deleted if one of them is unknown."""
    if not yes:
        require_tty()
    sessions = [find_session(daemon, given) for given in dict.fromkeys(session_ids)]
    if not yes and not _confirm(sessions):
        return warn("nothing was deleted", 1)
    return max(_delete(daemon, session, as_json=as_json) for session in sessions)


def _delete(daemon: Daemon, session: Session, *, as_json: bool) -> int:
    answer = daemon.answer("session.delete", session_id=session.id)
    deleted = answer.decode(Deleted).deleted
    if as_json:
        echo_json(answer.raw())
    elif deleted:
        echo(f"deleted {session.id}")
    return 0 if deleted else warn(f"{session.id} was deleted by somebody else", 1)


def _confirm(sessions: list[Session]) -> bool:
    """Whether the person says yes to all of them."""
    for session in sessions:
        pinned = ", pinned" if session.pinned else ""
        sys.stderr.write(
            escape_line(f"{session.id} {session.name or ''} ({session.message_count} messages{pinned})") + "\n"
        )
    return confirmed("Delete for good?")
