"""`service`: let systemd or launchd run the daemon."""

from pathlib import Path

import click

from segue.cli.daemon_client import Daemon, pass_daemon
from segue.cli.integration.managed_files import State, put_in_place, refuse_foreign, remove, state_of, with_checksum
from segue.cli.integration.unit_files import Plan, Unit, plan
from segue.cli.output.terminal import echo, escape_line
from segue.files import make_directory

dry_run_option = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
force_option = click.option("--force", is_flag=True, help="Also files that are not ours or were changed by hand.")


@click.group()
def service() -> None:
    """Let the service manager of your login run the daemon: systemd, or launchd on macOS.

    Only files are written, and it is told what to run for them to be taken up. --database, --config and --socket,
    given before `service`, are kept in the files.
    """


@service.command()
@click.option("--hardened", is_flag=True, help="systemd: more walls, where name spaces are allowed to users.")
@force_option
@dry_run_option
@pass_daemon
def install(daemon: Daemon, *, hardened: bool, force: bool, dry_run: bool) -> None:
    """Write the files of the service."""
    found = plan(daemon.paths, hardened=hardened)
    if dry_run:
        return _show(found)
    for unit in found.units:
        refuse_foreign(unit.path, unit.text, force=force)
    for unit in found.units:
        put_in_place(unit.path, unit.text)
        echo(f"wrote {escape_line(str(unit.path))}")
    if hardened:  # it cannot be made behind those walls
        make_directory(daemon.paths.database.parent)
    _say_what_to_run(found.to_begin)
    return None


@service.command()
@force_option
@dry_run_option
@pass_daemon
def uninstall(daemon: Daemon, *, force: bool, dry_run: bool) -> None:
    """Remove the files of the service."""
    found = plan(daemon.paths, hardened=True)
    there = [unit for unit in found.units if state_of(unit.path, unit.text) is not State.ABSENT]
    for unit in there:
        refuse_foreign(unit.path, unit.text, force=force)
    for unit in there:
        for path in (*_links(unit), unit.path):
            if dry_run or remove(path):
                echo(f"{'would remove' if dry_run else 'removed'} {escape_line(str(path))}")
    if not there:
        echo("nothing is installed")
    elif not dry_run:
        _say_what_to_run(found.to_end)


@service.command()
@pass_daemon
def status(daemon: Daemon) -> int:
    """Tell of each file whether it is there and as it should be; exit 1 if one is not."""
    found = plan(daemon.paths, hardened=True)
    states = [state_of(unit.path, unit.text) for unit in found.units]
    for unit, state in zip(found.units, states, strict=True):
        optional = " (optional)" if _is_optional(unit) and state is State.ABSENT else ""
        echo(f"{escape_line(str(unit.path))}: {state}{optional}")
    needed = [state for unit, state in zip(found.units, states, strict=True) if not _is_optional(unit)]
    return 0 if all(state is State.CURRENT for state in needed) else 1


def _show(found: Plan) -> None:
    for unit in found.units:
        echo(f"# {escape_line(str(unit.path))}")
        echo(with_checksum(unit.text))
    _say_what_to_run(found.to_begin)


def _say_what_to_run(commands: list[str]) -> None:
    echo("now run:")
    for command in commands:
        echo(f"  {command}")


def _links(unit: Unit) -> list[Path]:
    """What `systemctl enable` made of it, which would dangle."""
    link = unit.path.parent / "sockets.target.wants" / unit.path.name
    return [link] if link.is_symlink() else []


def _is_optional(unit: Unit) -> bool:
    return unit.path.parent.name.endswith(".d")
