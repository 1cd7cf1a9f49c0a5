"""The program `segue`: select the command, run it, and map errors to exit statuses.

Each command is imported only when it runs, because shell prompts run `segue` often.
"""

import importlib
import sys
from contextlib import suppress
from keyword import iskeyword
from typing import Any

import click

from segue import __version__
from segue.cli.daemon_client import DaemonClient
from segue.cli.groups import Group, hint_global_option
from segue.cli.output.terminal import FAILED, UNREACHABLE, USAGE, Failure, run_guarded, stderr_is_tty, warn
from segue.client.errors import ClientError
from segue.errors import SegueError, StartError
from segue.paths import PathOptions

SECTIONS = {
    "Talk": {
        "ask": "ask",
        "add": "add",
        "new": "session",
        "resume": "session",
        "fork": "session",
        "rename": "session",
        "undo": "edit",
        "edit": "edit",
        "end": "session",
        "open": "handoff",
        "handoff": "handoff",
    },
    "Browse": {
        "browse": "browse",
        "list": "list",
        "current": "list",
        "show": "show",
        "search": "search",
        "grep": "grep",
        "tail": "tail",
        "stats": "stats",
        "prompt": "prompt",
        "pick": "pick",
    },
    "Keep": {
        "memory": "memory",
        "bot": "bot",
        "pin": "marks",
        "unpin": "marks",
        "archive": "marks",
        "unarchive": "marks",
        "tag": "marks",
        "untag": "marks",
        "move": "move",
        "delete": "delete",
        "cleanup": "cleanup",
        "scrub": "scrub",
        "backup": "backup",
        "restore": "restore",
        "import": "import_",
        "export": "export",
    },
    "Operate": {
        "status": "status",
        "ping": "status",
        "start": "daemon",
        "stop": "daemon",
        "restart": "daemon",
        "check": "status",
        "doctor": "doctor",
        "config": "config",
        "service": "service",
        "sync": "sync",
        "init": "init",
        "mcp": "mcp",
        "hook": "hook",
    },
    "Develop": {"rpc": "rpc", "help": "help"},
}
"""The commands under the headings of the help, each with the module that defines it.

The modules of a section are in the package of its name below segue.cli.commands.
"""

COMMANDS = {
    name: f"segue.cli.commands.{section.lower()}.{module}"
    for section, commands in SECTIONS.items()
    for name, module in commands.items()
}

WITHOUT_NOTICE = {"list", "tail", "cleanup", "status", "doctor", "rpc", "ping"}
"""Commands after which a terminal gets no notice of sessions that wait for a cleanup. Some show it themselves."""


class Commands(Group):
    """The top-level group, which imports a command when it is needed."""

    def sections(self, ctx: click.Context) -> dict[str, list[str]]:
        """Return the command names under the headings of the help."""
        return {heading: [*names] for heading, names in SECTIONS.items()}

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return the summary of a command from the generated table."""
        from segue.cli.integration.completion_table import summaries

        return summaries().get(name) or super().summary(ctx, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of the help."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, or None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        found: click.Command = getattr(module, f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command here, or pass it unread to another host."""
        if ctx.params["host"] is None:
            return super().invoke(ctx)
        from segue.cli.remote import run_on_host

        paths = [word for name in ("socket", "database", "config") for word in _option(name, ctx.params[name])]
        words = [*ctx._protected_args, *ctx.args]  # noqa: SLF001 - click has no other name for the command
        return run_on_host(ctx.params["host"], [*paths, *words])


def _option(name: str, value: str | None) -> list[str]:
    return [] if value is None else [f"--{name}", value]


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    examples=[
        "segue ask --with 'llm -m gpt-5' What does EAGAIN mean?",
        "segue list",
        "segue search nginx 502",
        "segue help",
    ],
)
@click.option("--host", metavar="HOST", help="Run the command on that host by ssh; nothing but segue is needed there.")
@click.option("--socket", metavar="PATH", help="Socket of the daemon; default: SEGUE_SOCKET, then the configuration.")
@click.option("--database", metavar="PATH", help="Database file; default: SEGUE_DATABASE, then the configuration.")
@click.option("--config", metavar="PATH", help="Configuration file; default: SEGUE_CONFIG, then segue/config.toml.")
@click.version_option(__version__, prog_name="segue", message="%(prog)s %(version)s", help="Print the version.")
@click.pass_context
def command(ctx: click.Context, host: str | None, socket: str | None, database: str | None, config: str | None) -> None:
    """Record AI conversations and continue them anywhere.

    The daemon segued stores the conversations; the first command starts it. `segue COMMAND --help` describes a
    command.

    \b
    Exit status:
      0  success
      1  the request failed
      2  invalid usage or configuration
      4  no daemon responds
    """  # noqa: D301 - \b is a real backspace, which makes click keep the lines
    ctx.obj = ctx.with_resource(DaemonClient(PathOptions(socket, database, config)))


def run(arguments: list[str]) -> int:
    """Run a command line, print any error on standard error, and return the exit status."""
    return run_guarded(lambda: _run(arguments)) or 0


def _run(arguments: list[str]) -> int:
    if not arguments and sys.stdin is not None and sys.stdin.isatty():
        from segue.cli.commands.browse.browse import can_browse

        arguments = ["browse"] if can_browse() else arguments
    try:
        return _invoke(arguments)
    except click.ClickException as error:
        hinted = hint_global_option(error)
        hinted.show()
        return hinted.exit_code
    except (Failure, StartError) as error:
        return warn(str(error), error.exit_code)
    except ClientError as error:
        return warn(str(error), UNREACHABLE)
    except SegueError as error:
        return warn(error.message.removeprefix("$."), FAILED)
    except UnicodeEncodeError:
        return warn("an argument is not valid UTF-8; nothing was sent", USAGE)


def _invoke(arguments: list[str]) -> int:
    # Not command.main(), because it turns a closed pipe into exit status 1 and Ctrl-C into "Aborted!".
    try:
        with command.make_context("segue", arguments) as ctx:
            code = command.invoke(ctx)
            if not code and ctx.invoked_subcommand not in WITHOUT_NOTICE and stderr_is_tty():
                _report_waiting(ctx.obj)
    except click.exceptions.Exit as exit:
        return exit.exit_code
    return code if isinstance(code, int) else 0


def _report_waiting(daemon: DaemonClient) -> None:
    """Say that the automatic cleanup left sessions to a person, if it did and the command talked to the daemon."""
    if daemon.is_connected:
        from segue.status_results import DaemonStatus  # A command in a pipe does not need them
        from segue.workflows.expiry import waiting_text

        with suppress(ClientError, SegueError):
            if waiting := daemon.call("daemon.status", DaemonStatus).cleanup.waiting:
                warn(waiting_text(waiting))
