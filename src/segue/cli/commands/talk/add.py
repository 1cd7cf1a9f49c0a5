"""The `add` command."""

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command
from segue.cli.input import read_stdin
from segue.cli.output.terminal import BadInput, echo, echo_json, echo_tsv, stdout_is_tty
from segue.cli.session_lookup import current_place, find_session, resolve
from segue.results import Appended

COUNT = click.IntRange(min=0)
ROLES = click.Choice(["user", "assistant", "system", "tool"])


@command(examples=["segue add 'Ship it on Friday'", "git diff | segue add - --role tool", "segue add --key ci-42 done"])
@click.argument("text")
@click.option("--role", type=ROLES, default="user", help="Role of the author.")
@click.option("--session", metavar="ID", help="Session ID; default: the current session.")
@click.option("--bot", "bot_id", metavar="ID", help="Bot ID whose current session is used.")
@click.option("--model", metavar="TEXT", help="Name of the model that wrote the message.")
@click.option("--key", metavar="TEXT", help="Idempotency key; a repeated key returns the first message's ID.")
@click.option("--replace", is_flag=True, help="With a repeated key, replace the first message if it differs.")
@click.option(
    "--expect-last", "expected_last_id", type=COUNT, metavar="ID", help="Required ID of the session's newest message."
)
@click.option("--tokens", "token_count", type=COUNT, metavar="N", help="Length of the message in tokens.")
@click.option("--input-tokens", type=COUNT, metavar="N", help="Number of tokens the model read.")
@click.option("--output-tokens", type=COUNT, metavar="N", help="Number of tokens the model wrote.")
@click.option("--response-ms", type=COUNT, metavar="N", help="Response time of the model in milliseconds.")
@click.option("--stop-reason", metavar="TEXT", help="Reason why the model stopped.")
@click.option("--summary", "is_summary", is_flag=True, help="Mark as a summary of all earlier messages; system only.")
@json_option
@pass_daemon
def add(
    daemon: DaemonClient,
    /,
    *,
    text: str,
    session: str | None,
    bot_id: str | None,
    replace: bool,
    as_json: bool,
    **params: str | int | bool | None,
) -> None:
    """Append a message to a session and print its ID.

    TEXT is the message, or - to read it from standard input unchanged. Without --session, the message goes to the
    session that the current directory continues, or to a new session if there is none.

    The message is on disk when the command returns. A pipe gets the message ID and the session ID.
    """
    if session is not None and bot_id is not None:
        raise click.UsageError("--bot cannot be used with --session; a session belongs to one bot")
    content = read_stdin(daemon.paths.config.limits.content_bytes) if text == "-" else text
    if replace and params["key"] is None:
        raise click.UsageError("--replace needs --key")
    if not content.strip():
        raise BadInput("the message is empty; nothing was stored")
    if session is None:
        target = current_place(daemon)
        if target.get("scope") == "project":
            resolve(daemon, target, bot_id)
    else:
        target = {"session_id": find_session(daemon, session).id}
    on_key = "replace" if replace else None
    response = daemon.exchange("message.append", content=content, on_key=on_key, bot_id=bot_id, **target, **params)
    echo_json(response.raw()) if as_json else _report(response.decode(Appended))


def _report(appended: Appended) -> None:
    if stdout_is_tty():
        duplicate = " (already stored)" if appended.duplicate else ""
        echo(f"message {appended.message_id} in {appended.session_id}{duplicate}")
    else:
        echo_tsv([str(appended.message_id), appended.session_id])
