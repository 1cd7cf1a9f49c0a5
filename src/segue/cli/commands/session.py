"""Commands on one session: new, rename, end, resume, fork and delete."""

import sys

import click

from segue.cli.confirm import confirmed, require_person
from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import on_terminal, one_line, put, put_json, styled, tell
from segue.cli.output.transcript import put_message
from segue.cli.session_lookup import find, find_or_current, here, resolve
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
        working_dir=here(),
        name=name,
        provider=provider,
        model=model,
        system_prompt=system,
        bot_id=bot,
        pinned=pinned,
    )
    put_json(answer.raw()) if as_json else put(answer.decode(Session).id)


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
        return put_json(answer.raw())
    renamed = answer.decode(Session)
    return put(f"{renamed.id} is now {one_line(renamed.name or '')}")


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
        return put_json(answer.raw())
    ended = answer.decode(Session)
    put(f"{ended.id} is {ended.status}")
    if session_id is None and on_terminal() and (left := resolve(daemon, here()).session):
        tell(f"this directory now continues {left.id} {one_line(left.name or '')}; `segue new` begins another")
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
    directory = None if in_place else here()
    before = find(daemon, session_id)
    answer = daemon.answer("session.resume", session_id=before.id, working_dir=directory)
    if as_json:
        return put_json(answer.raw())
    after = answer.decode(Session)
    put(styled(one_line(f"resumed {after.id} {after.name or ''}".rstrip()), bold=True))
    if before.working_dir != after.working_dir:
        put(one_line(f"moved from {before.working_dir or 'no directory'} to {after.working_dir}"))
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
    put_json(answer.raw()) if as_json else put(answer.decode(Session).id)


@click.command()
@click.argument("session_ids", metavar="ID...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_daemon
def delete(daemon: Daemon, *, session_ids: tuple[str, ...], yes: bool, as_json: bool) -> int:
    """Delete sessions with all their messages and summaries; nothing is deleted if one of them is unknown."""
    if not yes:
        require_person()
    sessions = [find(daemon, given) for given in dict.fromkeys(session_ids)]
    if not yes and not _confirm(sessions):
        return tell("nothing was deleted", 1)
    return max(_delete(daemon, session, as_json=as_json) for session in sessions)


def _delete(daemon: Daemon, session: Session, *, as_json: bool) -> int:
    answer = daemon.answer("session.delete", session_id=session.id)
    deleted = answer.decode(Deleted).deleted
    if as_json:
        put_json(answer.raw())
    elif deleted:
        put(f"deleted {session.id}")
    return 0 if deleted else tell(f"{session.id} was deleted by somebody else", 1)


def _confirm(sessions: list[Session]) -> bool:
    """Whether the person says yes to all of them."""
    for session in sessions:
        pinned = ", pinned" if session.pinned else ""
        sys.stderr.write(
            one_line(f"{session.id} {session.name or ''} ({session.message_count} messages{pinned})") + "\n"
        )
    return confirmed("Delete for good?")
