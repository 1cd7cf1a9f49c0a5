"""The `open` and `handoff` commands: continue a session in another tool."""

import os
import shlex
from pathlib import Path

import click
import msgspec

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command
from segue.cli.output.terminal import Failure, echo, echo_stored, escape_line, warn
from segue.cli.session_lookup import find_or_current, find_session
from segue.models import Session

PROMPT_COMMANDS = {
    "claude": ["claude"],
    "codex": ["codex"],
    "gemini": ["gemini", "-i"],
    "opencode": ["opencode", "--prompt"],
    "llm": ["llm", "chat", "-s"],
}
"""The command of each tool that takes its first prompt as the last argument."""


@command("open", examples=["segue open 0340-249", "segue open --print 0340-249"])
@click.argument("session_id", metavar="ID")
@click.option("--print", "only_print", is_flag=True, help="Print the command; do not run it.")
@pass_daemon
def open(daemon: DaemonClient, *, session_id: str, only_print: bool) -> None:
    """Continue an imported session in its own tool.

    The tool runs in the directory of the session and takes over this terminal.
    """
    from segue.history.registry import readers

    session = find_session(daemon, session_id)
    if session.source is None:
        raise Failure(f"session {session.id} is not imported; continue it with: segue resume {session.id}")
    reader = readers().get(session.source.tool)
    words = reader.resume_command(session.source.id) if reader else None
    if words is None:
        raise Failure(f"{session.source.tool} cannot continue this session; try: segue handoff {session.id}")
    _run(words, session, only_print=only_print)


@command(examples=["segue handoff", "segue handoff 0340-249 --to codex", "segue handoff --budget 1000"])
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--to", "target", metavar="TOOL", help="Tool or command that gets the brief as its first prompt.")
@click.option("--budget", type=click.IntRange(min=100), default=4000, metavar="TOKENS", help="Length of the brief.")
@click.option("--print", "only_print", is_flag=True, help="With --to: print the command; do not run it.")
@pass_daemon
def handoff(daemon: DaemonClient, *, session_id: str | None, target: str | None, budget: int, only_print: bool) -> None:
    """Print a brief from which another tool continues a session.

    The brief has the goal, the user's constraints, files and commands with their outcome, open errors and the last
    turns. It is made without a model. TOOL is claude, codex, gemini, opencode, llm, or any command.
    """
    from segue.history.bundle import fetch
    from segue.workflows.handoff import brief

    session = find_or_current(daemon, session_id)
    bundle = fetch(daemon.client, session.id)
    text = brief(msgspec.to_builtins(session), bundle.messages, budget)
    if target is None:
        echo_stored(text)
        return
    words = PROMPT_COMMANDS.get(target) or shlex.split(target)
    _run([*words, text], session, only_print=only_print)


def _run(words: list[str], session: Session, *, only_print: bool) -> None:
    """Replace this process by the command, in the session's directory if it still exists."""
    directory = session.working_dir if session.working_dir and Path(session.working_dir).is_dir() else None
    if session.working_dir and not directory:
        warn(f"the session's directory {escape_line(session.working_dir)} does not exist; {words[0]} runs in this one")
    if only_print:
        echo(" ".join(([f"cd {shlex.quote(directory)} &&"] if directory else []) + [shlex.join(words)]))
        return
    if directory:
        os.chdir(directory)
    try:
        os.execvp(words[0], words)  # noqa: S606 - the user asked for this command, without a shell
    except OSError as error:
        raise Failure(f"cannot run {words[0]}: {error.strerror}; install it or use --print") from None
