"""The `ask` command: store a question, run the model command, and store its reply."""

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import click

from segue.cli.ask.command_runner import READER_GONE, Outcome, run_command
from segue.cli.ask.conversation import StoredQuestion, ask_stored, ask_unstored, repeat_question, store_question
from segue.cli.ask.delivery import call_with_retry, command_to_add, remove_replies, save_to_file
from segue.cli.ask.prompt_format import FORMATS
from segue.cli.ask.question import read_question
from segue.cli.ask.reply_buffer import Reply
from segue.cli.ask.reply_stream import ReplyStream
from segue.cli.ask.session_choice import Choice
from segue.cli.ask.signal_pipe import Signals
from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command as segue_command
from segue.cli.output.terminal import echo, stdout_is_tty, warn
from segue.client import ClientError
from segue.errors import NotFound, SegueError, TooLarge
from segue.results import Appended

METADATA_BYTES = 256
"""Bytes: reserve for the metadata of a reply, because content and metadata share one limit."""

PLAIN_WORD = re.compile(r"[\w./+-]{1,64}", re.ASCII)


CONFLICTS = [
    ("--session", "--new"),
    ("--session", "--continue"),
    ("--session", "--bot"),
    ("--new", "--continue"),
    ("--new", "--retry"),
    ("--retry", "--incognito"),
    ("--retry", "--edit"),
    ("--retry", "TEXT"),
]
"""Options that exclude each other."""


@segue_command(
    examples=[
        "segue ask --with 'llm -m gpt-5' What does EAGAIN mean?",
        "git diff | segue ask Review this change",
        "segue ask --new --with 'ollama run llama3' Hello",
        "segue ask --retry --with 'claude -p'",
    ]
)
@click.argument("words", metavar="[TEXT... | -]", nargs=-1)
@click.option("--with", "command", metavar="COMMAND", help="Model command; default: SEGUE_ASK, then [ask] command.")
@click.option("--format", type=click.Choice([*FORMATS]), help="Format of its input; default: [ask] format.")
@click.option("--session", "given", metavar="ID", help="Session ID; default: the current session.")
@click.option("--new", is_flag=True, help="Start a new session.")
@click.option("--continue", "newest", is_flag=True, help="Continue the newest session, even if it expired or ended.")
@click.option("--retry", is_flag=True, help="Repeat the last question, and replace its reply.")
@click.option("--incognito", is_flag=True, help="Store nothing, neither the question nor the reply.")
@click.option("-e", "--edit", "use_editor", is_flag=True, help="Write the question in VISUAL or EDITOR.")
@click.option("-n", "--no-stdin", is_flag=True, help="Do not read standard input.")
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
    newest: bool,
    retry: bool,
    incognito: bool,
    use_editor: bool,
    no_stdin: bool,
    bot_id: str | None,
    model: str | None,
    max_tokens: int | None,
) -> int:
    """Ask a model, and store the question and the reply.

    The question is TEXT followed by piped standard input. With - or without TEXT, it is standard input alone; on a
    terminal, a line that you type. /bin/sh runs COMMAND, which reads the conversation up to the question from its
    standard input:

    \b
    text   "System:", "User:" or "Assistant:" on a line of its own, the
           message below it, then an empty line; the question comes last
    json   one line: [{"role":"system","content":"…"},{"role":"user",…},…]

    The system prompt, memories and the summary come first, with the role system. The output of COMMAND is shown as it
    arrives and stored as the reply. A partial reply is stored and marked. An empty reply is not stored.

    --retry shows the model the conversation up to the last question again. The old reply is deleted when the new one
    is complete. --incognito shows the model the conversation of the current session, or nothing else with --new.

    The exit status is that of COMMAND, or 128 + n if signal n ended it or segue.
    """  # noqa: D301 - \b is a real backspace, which makes click keep the lines
    _check_conflicts({
        "--session": given, "--new": new, "--continue": newest, "--bot": bot_id, "--retry": retry,
        "--incognito": incognito, "--edit": use_editor, "TEXT": words,
    })  # fmt: skip
    choice = Choice(given, bot_id, new, newest)
    config = daemon.paths.config
    command = _model_command(daemon, command)
    if retry:
        asked = ask_stored(daemon, repeat_question(daemon, choice), max_tokens)
    else:
        text = read_question(words, config.limits.content_bytes, use_editor=use_editor, use_stdin=not no_stdin)
        if incognito:
            asked = ask_unstored(daemon, choice, text, max_tokens)
        else:
            asked = ask_stored(daemon, store_question(daemon, choice, text), max_tokens)
    prompt = FORMATS[format or config.ask.format](asked.turns)
    sys.stdout.flush()
    with Signals() as signals:
        stream = None if asked.question is None else _reply_stream(daemon, asked.question, command, model)
        reply = Reply(config.limits.content_bytes - METADATA_BYTES, None if stream is None else stream.add)
        outcome = run_command(command, prompt.encode(), sys.stdout.fileno(), signals, reply)
        stored = _store_reply(daemon, signals, asked.question, outcome, stream)
    return _report(outcome, asked.question, stored=stored)


def _reply_stream(daemon: DaemonClient, question: StoredQuestion, command: str, model: str | None) -> ReplyStream:
    message = {
        "session_id": question.session.id,
        "role": "assistant",
        "key": f"{question.key}-reply",
        "model": model or question.session.model,
        "metadata": {**_program(command), "reply_to": question.message_id},
    }
    return ReplyStream(daemon.paths, message)


def _check_conflicts(given: dict[str, object]) -> None:
    for one, other in CONFLICTS:
        if given[one] and given[other]:
            raise click.UsageError(f"{one} cannot be used with {other}")


def _model_command(daemon: DaemonClient, given: str | None) -> str:
    paths = daemon.paths
    command = given or os.environ.get("SEGUE_ASK") or paths.config.ask.command or ""
    if not command.strip():
        raise click.UsageError(
            "no model command; use --with 'COMMAND', or set SEGUE_ASK, "
            f'or write command = "COMMAND" under [ask] in {paths.config_path}'
        )
    if "\0" in command:
        raise click.UsageError("the model command contains a NUL character")
    return command


def _store_reply(
    daemon: DaemonClient,
    signals: Signals,
    question: StoredQuestion | None,
    outcome: Outcome,
    stream: ReplyStream | None,
) -> bool:
    """Store the reply if the question is stored, and return True if there was one and the daemon has it.

    If it was not streamed to its end, store it as a whole in place of what was streamed. If the daemon is not
    available, save the reply to a file and print how to add it.
    """
    if question is None or stream is None or not outcome.text.strip():
        return bool(outcome.text.strip())
    ended = {
        "stop_reason": outcome.stop_reason,
        "response_ms": outcome.response_ms,
        "metadata": {**stream.params["metadata"], "exit_code": outcome.exit_code},
    }
    if not stream.finish(**ended):
        params = {**stream.params, **ended, "content": outcome.text}
        try:
            call_with_retry(daemon, "message.append", Appended, signals, **params, on_key="replace")
        except (ClientError, SegueError) as error:
            _save(params, error)
            return False
    if question.replaced and outcome.stop_reason in ("end", "length"):
        remove_replies(daemon, question.session, question.replaced)
    return True


def _program(command: str) -> dict[str, str]:
    """Return the first word of the command as metadata, and nothing else, because commands contain keys."""
    first = command.split(maxsplit=1)[0]
    return {"command": first} if PLAIN_WORD.fullmatch(first) else {}


def _save(params: dict[str, Any], error: Exception) -> None:
    warn(f"cannot store the reply: {error}")
    if isinstance(error, NotFound):
        params = {**params, "session_id": None}  # Because the session was deleted meanwhile
    try:
        path = save_to_file(params["content"], f"{params['key']}.txt")
    except OSError as failure:
        warn(f"cannot save the reply to a file ({failure.strerror}); only the output above has it")
    else:
        # No command for a reply that is too large, because the daemon would reject it again.
        hint = f": {path}" if isinstance(error, TooLarge) else f"; add it with: {command_to_add(path, params)}"
        warn(f"the reply is saved in a file{hint}")


def _report(outcome: Outcome, question: StoredQuestion | None, *, stored: bool) -> int:
    """Print what the output does not show, and return the exit status."""
    if outcome.open_line and stdout_is_tty():
        echo("")
    for sentence in _notes(outcome, question):
        warn(sentence)
    done = stored and outcome.screen_error is None
    return outcome.exit_code or (0 if done else 1)


def _notes(outcome: Outcome, question: StoredQuestion | None) -> Iterator[str]:
    if outcome.screen_error is not None:
        yield f"cannot show the reply: {outcome.screen_error.strerror}"
    if outcome.stop_reason == "length":
        yield "the command was stopped because the reply reached limits.content_bytes"
    elif outcome.stop_reason == "error":
        yield f"the command failed with exit status {outcome.exit_code}"
    elif outcome.stop_reason == "interrupted" and outcome.exit_code != READER_GONE:
        yield "interrupted"
    if not outcome.text.strip():
        left = "nothing" if question is None else "the old reply" if question.replaced else "only the question"
        yield f"the command wrote no reply; {left} is stored"
    elif question is not None and question.replaced and outcome.stop_reason in ("error", "interrupted"):
        yield "the old reply is kept; `segue ask --retry` replaces both"
