"""The `service` commands: install, uninstall and check the files of a service manager."""

from pathlib import Path

import click

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import Group, command
from segue.cli.integration.managed_files import State, refuse_foreign, remove, state_of, with_checksum, write
from segue.cli.integration.unit_files import Plan, Unit, plan
from segue.cli.output.terminal import echo, escape_line
from segue.files import make_directory

dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
force_option = click.option(
    "--force", is_flag=True, help="Replace files that were edited or written by other programs."
)

man_option = click.option("--man", is_flag=True, help="Man pages instead of unit files.")


@click.group(cls=Group, examples=["segue service install --hardened", "segue service status"])
def service() -> None:
    """Run the daemon under systemd or launchd.

    The commands write files only. They print what to run to activate them. The options --database, --config and
    --socket, given before `service`, are written into the files.
    """


@command(
    "install",
    examples=["segue service install", "segue service install --hardened --dry-run", "segue service install --man"],
)
@click.option("--hardened", is_flag=True, help="systemd only: add a sandbox; needs user namespaces.")
@man_option
@force_option
@dry_run_option
@pass_daemon
def install(daemon: DaemonClient, *, hardened: bool, man: bool, force: bool, dry_run: bool) -> None:
    """Write the unit files and print how to activate them.

    With --man, write the man pages segue(1), segued(1), segue.toml(5) and segue-protocol(7) instead.
    """
    planned = _man_plan() if man else plan(daemon.paths, hardened=hardened)
    if dry_run:
        return _show(planned)
    for unit in planned.units:
        refuse_foreign(unit.path, unit.text, force=force)
    for unit in planned.units:
        write(unit.path, unit.text)
        echo(f"wrote {escape_line(str(unit.path))}")
    if hardened:  # Because the sandboxed daemon cannot create its data directory
        make_directory(daemon.paths.database.parent)
    _print_commands(planned.start_commands)
    return None


@command("uninstall", examples=["segue service uninstall --dry-run", "segue service uninstall"])
@man_option
@force_option
@dry_run_option
@pass_daemon
def uninstall(daemon: DaemonClient, *, man: bool, force: bool, dry_run: bool) -> None:
    """Remove the unit files and print how to stop the service."""
    planned = _man_plan() if man else plan(daemon.paths, hardened=True)
    present = [unit for unit in planned.units if state_of(unit.path, unit.text) is not State.ABSENT]
    for unit in present:
        refuse_foreign(unit.path, unit.text, force=force)
    for unit in present:
        for path in (*_links(unit), unit.path):
            if dry_run or remove(path):
                echo(f"{'would remove' if dry_run else 'removed'} {escape_line(str(path))}")
    if not present:
        echo("nothing is installed")
    elif not dry_run and planned.stop_commands:
        _print_commands(planned.stop_commands)


@command("status", examples=["segue service status"])
@pass_daemon
def status(daemon: DaemonClient) -> int:
    """Show the state of each unit file.

    Exit status 1 if a required file is missing, out of date or edited.
    """
    planned = plan(daemon.paths, hardened=True)
    states = [state_of(unit.path, unit.text) for unit in planned.units]
    for unit, state in zip(planned.units, states, strict=True):
        optional = " (optional)" if _is_optional(unit) and state is State.ABSENT else ""
        echo(f"{escape_line(str(unit.path))}: {state}{optional}")
    needed = [state for unit, state in zip(planned.units, states, strict=True) if not _is_optional(unit)]
    return 0 if all(state is State.CURRENT for state in needed) else 1


service.add_command(install)
service.add_command(uninstall)
service.add_command(status)


def _man_plan() -> Plan:
    from segue.cli.integration.man_pages import commands_to_read, man_pages

    return Plan(man_pages(), commands_to_read(), [])


def _show(planned: Plan) -> None:
    for unit in planned.units:
        echo(f"# {escape_line(str(unit.path))}")
        echo(with_checksum(unit.text))
    _print_commands(planned.start_commands)


def _print_commands(commands: list[str]) -> None:
    echo("now run:")
    for line in commands:
        echo(f"  {line}")


def _links(unit: Unit) -> list[Path]:
    """Return the link that `systemctl enable` made to the unit; removal of the unit would leave it dangling."""
    link = unit.path.parent / "sockets.target.wants" / unit.path.name
    return [link] if link.is_symlink() else []


def _is_optional(unit: Unit) -> bool:
    return unit.path.parent.name.endswith(".d")
