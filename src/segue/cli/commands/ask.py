"""`ask`: a question for a model, stored before it runs, and its reply, stored after it."""

import os
import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from segue.cli.ask.command_runner import READER_GONE, Outcome, run_model
from segue.cli.ask.delivery import command_to_add, insist, keep_in_file
from segue.cli.ask.prompt_format import FORMATS, turns_upto
from segue.cli.ask.question import read_question
from segue.cli.ask.signal_pipe import Signals
from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command as segue_command
from segue.cli.output.terminal import echo, stdout_is_tty, warn
from segue.cli.session_lookup import current_directory, find_session
from segue.client import ClientError
from segue.errors import NotFound, SegueError, TooLarge
from segue.models import Session
from segue.results import Appended, ConversationContext, Deleted

METADATA_BYTES = 256
"""More than the metadata of a reply has: content and metadata have one limit together."""

PLAIN_WORD = re.compile(r"[\w./+-]{1,64}", re.ASCII)


class Asked(NamedTuple):
    """A question that is stored."""

    session: Session
    message_id: int
    key: str


@segue_command(
    examples=[
        "segue ask --with 'llm -m gpt-5' What does EAGAIN mean?",
        "git diff | segue ask Review this change",
        "segue ask --new --with 'ollama run llama3' Hello",
    ]
)
@click.argument("words", metavar="[TEXT... | -]", nargs=-1)
@click.option("--with", "command", metavar="COMMAND", help="Model command; default: SEGUE_ASK, then [ask] command.")
@click.option("--format", type=click.Choice([*FORMATS]), help="Format of its input; default: [ask] format.")
@click.option("--session", "given", metavar="ID", help="Session ID; default: the current session.")
@click.option("--new", is_flag=True, help="Start a new session.")
@click.option("--bot", "bot_id", metavar="ID", help="Bot ID whose current session is used.")
@click.option("--model", metavar="TEXT", help="Model name stored with the reply; default: the session's model.")
@click.option(
    "--max-tokens", type=click.IntRange(min=0), metavar="N", help="Token limit of the input; drops the oldest messages."
)
@pass_daemon
def ask(
    daemon: DaemonClient,
    /,
    *,
    words: tuple[str, ...],
    command: str | None,
    format: str | None,
    given: str | None,
    new: bool,
    bot_id: str | None,
    model: str | None,
    max_tokens: int | None,
) -> int:
    """Ask a model, and store the question and the reply.

    The question is TEXT followed by piped standard input. With - or without TEXT, it is standard input alone.
    /bin/sh runs COMMAND, which reads the conversation up to the question from its standard input:

    \b
    text   "System:", "User:" or "Assistant:" on a line of its own, the
           message below it, then an empty line; the question comes last
    json   one line: [{"role":"system","content":"…"},{"role":"user",…},…]

    The system prompt, memories and the summary come first, with the role system. The output of COMMAND is shown as it
    arrives and stored as the reply. A partial reply is stored and marked. An empty reply is not stored.

    The exit status is that of COMMAND, or 128 + n if signal n ended it or segue.
    """  # noqa: D301 - \b is a real backspace, which makes click keep the lines
    if given is not None and (new or bot_id is not None):
        raise click.UsageError("--session names the session: not together with --new or --bot")
    config = daemon.paths.config
    command = _model_command(daemon, command)
    question = read_question(words, config.limits.content_bytes)
    asked = _store_question(daemon, question, given, bot_id=bot_id, new=new)
    context = insist(daemon, "context.build", ConversationContext, session_id=asked.session.id, max_tokens=max_tokens)
    prompt = FORMATS[format or config.ask.format](turns_upto(context, asked.message_id))
    sys.stdout.flush()
    with Signals() as signals:
        outcome = run_model(
            command, prompt.encode(), sys.stdout.fileno(), signals, config.limits.content_bytes - METADATA_BYTES
        )
        stored = _store_reply(daemon, signals, asked, outcome, command, model or asked.session.model)
    return _report(outcome, stored=stored)


def _model_command(daemon: DaemonClient, given: str | None) -> str:
    paths = daemon.paths
    command = given or os.environ.get("SEGUE_ASK") or paths.config.ask.command or ""
    if not command.strip():
        raise click.UsageError(
            "no model command: give --with 'COMMAND', or set SEGUE_ASK, "
            f'or write command = "COMMAND" under [ask] in {paths.config_path}'
        )
    if "\0" in command:
        raise click.UsageError("the model command has a NUL in it")
    return command


def _store_question(daemon: DaemonClient, question: str, given: str | None, *, bot_id: str | None, new: bool) -> Asked:
    key = f"ask-{os.urandom(16).hex()}"
    if given is not None:
        where: dict[str, Any] = {"session_id": find_session(daemon, given).id}
    else:
        where = {"working_dir": current_directory(), "bot_id": bot_id}
    if new:
        where = {"session_id": daemon.call("session.create", Session, **where).id}
    daemon.client  # noqa: B018 - connected by being looked at: nobody waits for a daemon that never was there
    try:
        added = insist(daemon, "message.append", Appended, role="user", content=question, key=key, **where)
    except SegueError:
        if new:
            daemon.call("session.delete", Deleted, **where)
        raise
    session = insist(daemon, "session.get", Session, session_id=added.session_id)
    return Asked(session, added.message_id, key)


def _store_reply(
    daemon: DaemonClient, signals: Signals, asked: Asked, outcome: Outcome, command: str, model: str | None
) -> bool:
    """Whether there was a reply and the daemon has it; if it does not, somebody was told where it is."""
    if not outcome.text.strip():
        return False
    params = {
        "session_id": asked.session.id,
        "role": "assistant",
        "content": outcome.text,
        "key": f"{asked.key}-reply",
        "model": model,
        "stop_reason": outcome.stop_reason,
        "response_ms": outcome.response_ms,
        "metadata": {**_program(command), "exit_code": outcome.exit_code, "reply_to": asked.message_id},
    }
    try:
        insist(daemon, "message.append", Appended, signals, **params)
    except (ClientError, SegueError) as error:
        _keep(params, error)
        return False
    return True


def _program(command: str) -> dict[str, str]:
    """The command's first word if it is a program: not more, for keys and passwords stand in commands."""
    first = command.split(maxsplit=1)[0]
    return {"command": first} if PLAIN_WORD.fullmatch(first) else {}


def _keep(params: dict[str, Any], error: Exception) -> None:
    warn(f"the reply could not be stored: {error}")
    if isinstance(error, NotFound):
        params = {**params, "session_id": None}  # deleted meanwhile
    try:
        path = keep_in_file(params["content"], f"{params['key']}.txt")
    except OSError as fault:
        warn(f"nor could it be kept in a file ({fault.strerror}): only the output above has it")
    else:
        # What is too large for a request stays so: of such a one only the place is told.
        way = f": {path}" if isinstance(error, TooLarge) else f"; add it with: {command_to_add(path, params)}"
        warn(f"it is kept in a file{way}")


def _report(outcome: Outcome, *, stored: bool) -> int:
    """Tell what a person would otherwise wonder at; returns the exit code."""
    if outcome.open_line and stdout_is_tty():
        echo("")
    for sentence in _remarks(outcome):
        warn(sentence)
    done = stored and outcome.fault is None
    return outcome.exit_code or (0 if done else 1)


def _remarks(outcome: Outcome) -> Iterator[str]:
    if outcome.fault is not None:
        yield f"the reply could not be shown: {outcome.fault.strerror}"
    if outcome.stop_reason == "length":
        yield "the command was stopped: its reply reached limits.content_bytes"
    elif outcome.stop_reason == "error":
        yield f"the command failed with exit code {outcome.exit_code}"
    elif outcome.stop_reason == "interrupted" and outcome.exit_code != READER_GONE:
        yield "interrupted"
    if not outcome.text.strip():
        yield "the command wrote nothing: the question is stored, a reply is not"
