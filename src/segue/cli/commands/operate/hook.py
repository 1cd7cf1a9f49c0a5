"""The `hook` command, which agents run."""

import os
import re

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.input import read_stdin
from segue.cli.output.terminal import Failure, echo
from segue.errors import NotFound, StartError
from segue.models import SessionSummary, Summary
from segue.results import AppendedMany, MemoryPage, MessagePage, SessionPage
from segue.runtime.place import find_project, wire_path

MEMORIES = 50
PRINTED_TOKENS = 2000
"""Tokens of the memories, and of the summary."""

RECENT = 10
"""Sessions: how many of the directory are looked at for a summary."""


@command(examples=["segue hook claude < event.json", 'segue hook codex \'{"type":"agent-turn-complete",…}\''])
@click.argument("agent")
@click.argument("event", metavar="[EVENT]", required=False)
@pass_daemon
def hook(daemon: DaemonClient, *, agent: str, event: str | None) -> None:
    """Store an agent's conversation, and give it your memories.

    Agents run this command; `segue help recipes` has the lines for Claude Code and Codex. AGENT is the name of the
    agent, such as claude. EVENT is its event as JSON; default: standard input.

    SessionStart prints the memories and the last summary of the directory. UserPromptSubmit stores the prompt, and Stop
    the reply, in a session of their own that the directory then continues. Other events do nothing. A failure has the
    exit status 1 or 4, because 2 would block the agent.
    """
    try:
        _run(daemon, agent, event)
    except (Failure, StartError) as error:
        raise Failure(str(error)) from None  # Some have the exit status 2.


def _run(daemon: DaemonClient, agent: str, given: str | None) -> None:
    from segue.cli.integration.agents.hook_events import read_event

    if not re.fullmatch(r"[\w.-]{1,50}", agent, re.ASCII) or agent.startswith("-"):
        raise Failure(f"{agent!r} is not the name of an agent, such as claude")
    text = read_stdin(daemon.paths.config.limits.request_bytes) if given is None else given
    event = read_event(text.encode(errors="replace"))
    if event is None:
        return
    session_id = f"{agent}-{event.conversation}"
    working_dir = os.path.realpath(event.directory)
    project = find_project(working_dir)
    place = {"working_dir": wire_path(working_dir), "project": None if project is None else wire_path(project)}
    if event.starts:
        by_project = project is not None and daemon.paths.config.session.scope == "project"
        name = "project" if by_project else "working_dir"
        if told := _known(daemon, {name: place[name]}, session_id):
            echo(told)
        return
    last_prompt = _last_prompt(daemon, session_id) if len(event.prompts) > 1 else None
    if messages := event.messages(last_prompt):
        create = {**place, "metadata": {"agent": agent}}
        daemon.call("message.append_many", AppendedMany, session_id=session_id, messages=messages, create=create)


def _last_prompt(daemon: DaemonClient, session_id: str) -> str | None:
    try:
        page = daemon.call("message.list", MessagePage, session_id=session_id, roles=["user"], order="desc", limit=1)
    except NotFound:
        return None
    return page.messages[0].content if page.messages else None


def _known(daemon: DaemonClient, place: dict[str, str | None], own: str) -> str:
    """Return the memories and the last summary of a place for a model, or an empty text."""
    from segue.mcp.text import as_data, clean, cut, fitting

    parts = []
    if memories := daemon.call("memory.list", MemoryPage, limit=MEMORIES).memories:
        facts = fitting([f"- {clean(memory.fact)}" for memory in memories], PRINTED_TOKENS)
        parts.append("\n".join(["Facts to remember about the user and their work:", *facts]))
    found = daemon.call("session.list", SessionPage, **place, limit=RECENT, preview_chars=0).sessions
    if recent := [session for session in found if session.id != own and session.message_count]:
        session, text = _last_summary(daemon, recent)
        name = f"{session.id} {clean(session.name or '')}".rstrip()
        parts.append(f"Last conversation here, {session.last_message_at}, {name}:\n{cut(clean(text), PRINTED_TOKENS)}")
    return as_data("\n\n".join(parts)) if parts else ""


def _last_summary(daemon: DaemonClient, recent: list[SessionSummary]) -> tuple[SessionSummary, str]:
    """Return the newest session that has a summary, else the newest one and how to get a brief of it."""
    for session in recent:
        summary = daemon.exchange("summary.latest", session_id=session.id).decode(Summary | None)  # type: ignore[arg-type]
        if summary is not None:
            return session, summary.summary
    return recent[0], f"no summary; a brief: segue handoff {recent[0].id}"
