"""The program `segue`: which verb, and which exit code.

A prompt may run this often, so a verb pays only for its own imports.
"""

import importlib
import os
import sys

import click

from segue import __version__
from segue.cli.daemon_client import Daemon
from segue.cli.groups import Group, hint_global_option
from segue.cli.output.terminal import FAILED, UNREACHABLE, USAGE, Failure, prepare_streams, run_guarded, warn
from segue.client import ClientError
from segue.errors import SegueError, StartError
from segue.paths import PathOptions

COMMANDS = {
    "ping": "status",
    "status": "status",
    "check": "status",
    "new": "session",
    "rename": "session",
    "end": "session",
    "ask": "ask",
    "add": "add",
    "list": "list",
    "current": "list",
    "show": "show",
    "tail": "tail",
    "resume": "session",
    "fork": "session",
    "delete": "session",
    "search": "search",
    "memory": "memory",
    "bot": "bot",
    "cleanup": "maintenance",
    "backup": "backup",
    "restore": "restore",
    "scrub": "maintenance",
    "rpc": "rpc",
    "init": "init",
    "service": "service",
}
"""Each verb and the module that has it, in the order of the help."""


class Verbs(Group):
    """The commands of `COMMANDS`, imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of the help."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb, None if there is no such verb."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(importlib.import_module(f"segue.cli.commands.{COMMANDS[cmd_name]}"), cmd_name)
        return found


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--socket", metavar="PATH", help="The daemon's socket.")
@click.option("--database", metavar="PATH", help="The daemon of this database.")
@click.option("--config", metavar="PATH", help="Read this configuration file.")
@click.version_option(__version__, prog_name="segue", message="%(prog)s %(version)s")
@click.pass_context
def command(ctx: click.Context, socket: str | None, database: str | None, config: str | None) -> None:
    """Conversations with AI assistants, kept by segued for every shell, editor and script.

    Exit codes: 0 done, 1 the daemon says no, 2 usage or configuration, 4 no daemon.
    """
    ctx.obj = ctx.with_resource(Daemon(PathOptions(socket, database, config)))


def run(arguments: list[str]) -> int:
    """The exit code of a whole command line; whatever went wrong has been told on stderr."""
    return run_guarded(lambda: _outcome(arguments)) or 0


def main() -> None:
    """Run the program and exit."""
    if "_SEGUE_COMPLETE" in os.environ:
        command.main(prog_name="segue")
    prepare_streams()
    sys.exit(run(sys.argv[1:]))


def _outcome(arguments: list[str]) -> int:
    try:
        return _invoke(arguments)
    except click.ClickException as fault:
        error = hint_global_option(fault)
        error.show()
        return error.exit_code
    except Failure as error:
        return warn(str(error), error.exit_code)
    except StartError as error:
        return warn(str(error), error.exit_code)
    except ClientError as error:
        return warn(str(error), UNREACHABLE)
    except SegueError as error:
        return warn(error.message.removeprefix("$."), FAILED)
    except UnicodeEncodeError:
        return warn("an argument is not UTF-8; nothing was sent", USAGE)


def _invoke(arguments: list[str]) -> int:
    # Not command.main(): it turns a closed pipe into exit 1 and Ctrl-C into "Aborted!".
    try:
        with command.make_context("segue", arguments) as ctx:
            code = command.invoke(ctx)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
