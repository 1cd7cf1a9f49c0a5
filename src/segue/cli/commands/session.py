"""`new`, `rename`, `end`: one session made or changed."""

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.output.terminal import on_terminal, one_line, put, put_json, tell
from segue.cli.session_lookup import find_or_current, here, resolve
from segue.models import Session


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
