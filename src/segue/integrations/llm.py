"""A plugin for llm: it logs into segue too, and `llm segue-continue` continues the conversation of the directory.

llm has no hook for its log, so the plugin wraps the method that llm calls to log a response. With `llm logs off`, or
with `-n`, nothing is stored. `segue ask` stores the question and the reply itself, so it sets SEGUE_LLM=off.
"""

import functools
import os
import sys
from collections.abc import Mapping
from typing import Any

from segue.api import context, message, session
from segue.client import ClientError
from segue.errors import ConfigError, SegueError, StartError
from segue.integrations.daemon import Daemon, framework
from segue.paths import PathOptions, resolve_paths
from segue.runtime.place import current_place

with framework("llm", "llm"):
    import click
    import llm

FAULTS = (ClientError, SegueError, ConfigError, StartError, FileNotFoundError)


@llm.hookimpl  # type: ignore[untyped-decorator]
def register_commands(cli: Any) -> None:
    """Add the command, and store each response that llm logs."""
    cli.add_command(segue_continue)
    if os.environ.get("SEGUE_LLM") == "off":
        return
    original = llm.models.Response.log_to_db

    @functools.wraps(original)
    def log_to_db(response: Any, db: Any) -> Any:
        result = original(response, db)
        try:
            store_response(response, _here())
        except FAULTS as fault:  # The log of llm has the response.
            click.echo(f"segue: {fault}", err=True)
        return result

    llm.models.Response.log_to_db = log_to_db


@click.command("segue-continue")
@click.argument("prompt", required=False)
@click.option("-m", "--model", "model_id", help="Model to use; default: that of the conversation, else llm's default.")
@click.option("-s", "--system", help="System prompt; default: that of the conversation.")
@click.option("--no-stream", is_flag=True, help="Print the reply when it is complete.")
@click.option("--max-tokens", type=click.IntRange(min=0), help="Tokens of the conversation to send at most.")
def segue_continue(
    prompt: str | None, model_id: str | None, system: str | None, max_tokens: int | None, *, no_stream: bool
) -> None:
    """Continue the conversation that the current directory continues in segue.

    PROMPT defaults to standard input. The conversation may come from any program that writes to segue.
    """
    text = sys.stdin.read() if prompt is None else prompt
    try:
        _continue(text, model_id, system, max_tokens, stream=not no_stream)
    except FAULTS as fault:
        raise click.ClickException(str(fault)) from None


def store_response(response: Any, target: Mapping[str, Any]) -> None:
    """Append the prompt and the reply to a session, or to the session that a place continues."""
    daemon = Daemon()
    prompt = response.prompt
    about = {"llm": {"response_id": response.id, **({"system": prompt.system} if prompt.system else {})}}
    question = [{"type": "text", "text": prompt.prompt}] if prompt.prompt else []
    results = [
        {"type": "tool_result", "tool_use_id": one.tool_call_id, "name": one.name, "content": one.output}
        for one in prompt.tool_results or []
    ]
    for role, parts in (("tool", results), ("user", question)):
        if parts:
            content = prompt.prompt if role == "user" else ""
            key = f"llm-{response.id}-{role}"
            given: dict[str, Any] = {**target, "role": role, "content": content, "metadata": about, "key": key}
            stored = daemon.repeat(message.append, **given, parts=parts if role == "tool" else None)
            target = {"session_id": stored.session_id}
    calls = [
        {"type": "tool_use", "id": one.tool_call_id, "name": one.name, "input": one.arguments}
        for one in response.tool_calls()
    ]
    text = response.text()
    if text or calls:
        daemon.repeat(
            message.append,
            **target,
            role="assistant",
            content=text,
            parts=[*([{"type": "text", "text": text}] if text else []), *calls] if calls else None,
            model=response.model.model_id,
            input_tokens=response.input_tokens,
            output_tokens=response.output_tokens,
            response_ms=response.duration_ms(),
            metadata=about,
            key=f"llm-{response.id}-assistant",
        )


def _continue(text: str, model_id: str | None, system: str | None, max_tokens: int | None, *, stream: bool) -> None:
    daemon = Daemon()
    here: dict[str, Any] = _here()
    found = daemon.repeat(session.resolve, **here, create=False)
    if found.session is None:
        raise click.ClickException("no conversation to continue here; start one with: llm PROMPT")
    built = daemon.repeat(context.build, session_id=found.session.id, max_tokens=max_tokens)
    replied_by: list[str | None] = [None, *(one.model for one in built.messages if one.model)]
    model = _model(model_id, found.session.model or replied_by[-1])
    conversation = model.conversation()
    conversation.responses.extend(_earlier(built, model))
    known = [system or built.system_prompt, *(f"Remember: {one.fact}" for one in built.memories)]
    if built.summary is not None:
        known.append(f"Summary of the conversation before: {built.summary.summary}")
    response = conversation.prompt(text, system="\n\n".join(filter(None, known)) or None, stream=stream)
    for chunk in response:
        click.echo(chunk, nl=False)
        sys.stdout.flush()
    click.echo()
    store_response(response, {"session_id": found.session.id})


def _model(wanted: str | None, of_session: str | None) -> Any:
    """Return the model with the wanted ID, else that of the session if llm has it, else the default model."""
    try:
        return llm.get_model(wanted or of_session)
    except llm.UnknownModelError as error:
        if wanted is not None:
            raise click.ClickException(str(error.args[0])) from None
        return llm.get_model()


def _earlier(built: Any, model: Any) -> list[Any]:
    """Return the conversation as responses of llm: each reply with the messages before it as its prompt."""
    responses = []
    asked: list[str] = []
    for one in built.messages:
        if one.role != "assistant":
            asked.append(one.content)
            continue
        response = llm.Response(llm.Prompt("\n\n".join(asked), model), model, stream=False)
        response._chunks, response._done = [one.content], True  # noqa: SLF001 - as llm does for responses of its log
        responses.append(response)
        asked = []
    return responses


def _here() -> dict[str, str]:
    """Return the place that the command line continues: the repository, the directory or the terminal."""
    configured = resolve_paths(PathOptions()).configured
    return current_place(None if configured is None else configured.session)
