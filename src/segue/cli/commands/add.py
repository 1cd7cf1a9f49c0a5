"""`add`: a message into a session."""

import click

from segue.cli.daemon_client import Daemon, json_option, pass_daemon
from segue.cli.input import read_stdin
from segue.cli.output.terminal import BadInput, echo, echo_json, echo_tsv, stdout_is_tty
from segue.cli.session_lookup import current_directory, find_session
from segue.results import Appended

COUNT = click.IntRange(min=0)


@click.command()
@click.argument("text")
@click.option("--role", type=click.Choice(["user", "assistant", "system", "tool"]), default="user", show_default=True)
@click.option("--session", metavar="ID", help="Into this session, not the one that the directory continues.")
@click.option("--bot", "bot_id", metavar="ID", help="The bot whose session the directory continues.")
@click.option("--model", metavar="TEXT", help="The model that wrote it.")
@click.option("--key", metavar="TEXT", help="Your own id of it: adding it again under the same key stores nothing.")
@click.option("--expect-last", "expected_last_id", type=COUNT, help="Only if this is the session's newest message.")
@click.option("--tokens", "token_count", type=COUNT, help="Its length in tokens.")
@click.option("--input-tokens", type=COUNT, help="What the model read for it.")
@click.option("--output-tokens", type=COUNT, help="What the model wrote.")
@click.option("--response-ms", type=COUNT, help="How long the model took.")
@click.option("--stop-reason", metavar="TEXT", help="Why the model stopped.")
@click.option("--summary", "is_summary", is_flag=True, help="It sums up what was before (with --role system).")
@json_option
@pass_daemon
def add(daemon: Daemon, /, *, text: str, session: str | None, as_json: bool, **params: str | int | bool | None) -> None:
    """Store a message; it is durable when its id and its session's id are printed.

    TEXT is the message, or - to read it from standard input, kept to the last byte. Without --session it goes
    where the current directory's conversation goes on, into a new session if there is none.
    """
    if session is not None and params["bot_id"] is not None:
        raise click.UsageError("--bot is for the directory's session: not together with --session")
    content = read_stdin(daemon.paths.config.limits.content_bytes) if text == "-" else text
    if not content.strip():
        raise BadInput("the message is empty; nothing was stored")
    where = (
        {"working_dir": current_directory()} if session is None else {"session_id": find_session(daemon, session).id}
    )
    answer = daemon.answer("message.append", content=content, **where, **params)
    echo_json(answer.raw()) if as_json else _report(answer.decode(Appended))


def _report(added: Appended) -> None:
    if stdout_is_tty():
        echo(f"message {added.message_id} in {added.session_id}{' (was there already)' if added.duplicate else ''}")
    else:
        echo_tsv([str(added.message_id), added.session_id])
