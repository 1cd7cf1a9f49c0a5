"""The `mcp` commands: serve agents over MCP, and write the entry into an agent's configuration."""

import signal
import sys

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import Group, command
from segue.cli.output.terminal import BadInput, echo, escape_controls, escape_line, warn
from segue.mcp.text import MAX_TOKENS

AGENTS = ("claude", "claude-desktop", "codex", "gemini", "cursor", "vscode", "zed", "opencode")
"""The names in `integration.agents.clients`, which is not imported to serve."""

agent_argument = click.argument("agent", type=click.Choice(AGENTS), metavar="AGENT")
print_option = click.option("--print", "only_print", is_flag=True, help="Print what would be done, and change nothing.")


@click.group(cls=Group, invoke_without_command=True, examples=["segue mcp install claude", "segue mcp uninstall zed"])
@click.option(
    "--max-tokens", type=click.IntRange(min=1000), default=MAX_TOKENS, metavar="N", help="Tokens of an answer."
)
@pass_daemon
@click.pass_context
def mcp(ctx: click.Context, daemon: DaemonClient, *, max_tokens: int) -> None:
    """Let agents search and read this history over MCP.

    Without a command, serve MCP on standard input and output: an agent starts `segue mcp` itself.
    """
    if ctx.invoked_subcommand is None:
        from segue.mcp.daemon import Daemon
        from segue.mcp.server import serve
        from segue.mcp.tool import Session

        if sys.stdin is None:
            raise BadInput("cannot read standard input: it is closed")
        if sys.stdin.isatty():
            warn("waiting for MCP messages; an agent starts this, see: segue mcp install --help")
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            # Ctrl-C ends the process immediately. An exception could leave a lock of the pool taken, and the end of the
            # interpreter waits for the threads of the pool.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        serve(Session(Daemon(daemon.options), max_tokens))


@command("install", examples=["segue mcp install claude", "segue mcp install zed --print"])
@agent_argument
@print_option
@click.pass_context
def install(ctx: click.Context, *, agent: str, only_print: bool) -> None:
    """Add segue to the configuration of an agent.

    AGENT is claude, claude-desktop, codex, gemini, cursor, vscode, zed or opencode. Its own command is used if it has
    one and is installed, else its file is changed. The global options, given before `mcp`, are written into the entry.
    """
    from segue.cli.integration.agents.clients import CLIENTS
    from segue.cli.integration.agents.install import add, show_addition
    from segue.cli.integration.own_command import global_options, own_program

    client = CLIENTS[agent]
    served = [*own_program(), *global_options(ctx.find_root(), environment=True), "mcp"]
    if only_print:
        echo(escape_controls(show_addition(client, served)))
        return
    added = add(client, served)
    echo(f"{'added segue to' if added else 'segue is already in'} {escape_line(str(client.file().path))}")
    if added:
        echo(f"restart {client.title} to use it")


@command("uninstall", examples=["segue mcp uninstall claude", "segue mcp uninstall codex --print"])
@agent_argument
@print_option
def uninstall(*, agent: str, only_print: bool) -> None:
    """Remove segue from the configuration of an agent."""
    from segue.cli.integration.agents.clients import CLIENTS
    from segue.cli.integration.agents.install import remove, show_removal

    client = CLIENTS[agent]
    if only_print:
        echo(escape_controls(show_removal(client)))
        return
    removed = remove(client)
    echo(f"{'removed segue from' if removed else 'segue is not in'} {escape_line(str(client.file().path))}")


mcp.add_command(install)
mcp.add_command(uninstall)
