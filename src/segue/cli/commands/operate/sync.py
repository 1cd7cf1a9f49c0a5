"""The `sync` commands: one history on several machines."""

import os
import re
import sys
from collections import Counter
from collections.abc import Sequence

import click

from segue.cli.commands.operate import sync_hub
from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import Group, command
from segue.cli.input import confirmed, read_stdin, require_tty
from segue.cli.output.terminal import echo, echo_json, echo_tsv, escape_line, warn
from segue.results import Empty, SyncInvitation, SyncRekeyed, SyncStatus
from segue.status_results import SyncMachine

MAX_LINE = 4096

ACCOUNT = re.compile(r"[0-9a-f]{32}")
"""The name of an account's folder."""

SCHEMES = ("postgres", "postgresql", "s3")

SYNCS = "segued completes it unless you stop it; run segue sync to wait for it"
JOINS = "to have both as one, run segue sync leave, and segue sync join with the invitation of the other machine"
REKEYS = "segued completes it unless you stop it; segue sync invite prints the new invitation then"

SHOWN_DIGITS = 8
"""Digits of an ID that distinguish machines of one name. `sync.forget` takes them too."""

name_option = click.option("--name", metavar="TEXT", help="Name of this machine; default: its host name.")


@click.group(
    cls=Group,
    invoke_without_command=True,
    examples=["segue sync init ~/Sync/segue", "segue sync join ~/Sync/segue", "segue sync status"],
)
@click.option("--accept-deletions", is_flag=True, help="Delete what other machines deleted, however much it is.")
@click.pass_context
def sync(context: click.Context, *, accept_deletions: bool) -> int | None:
    """Keep one history on several machines, end-to-end encrypted.

    Without a command, sync now and return when both directions are done. A hub, such as a folder that Syncthing
    carries or a PostgreSQL server, only stores sealed batches. `segue help sync` describes what a hub can see and do.
    """
    if context.invoked_subcommand is not None:
        if accept_deletions:
            raise click.UsageError("--accept-deletions is for segue sync without a command")
        return None
    daemon: DaemonClient = context.find_object(DaemonClient)  # type: ignore[assignment]
    return _sync_now(daemon, accept_deletions=accept_deletions)


def _sync_now(daemon: DaemonClient, *, accept_deletions: bool = False) -> int:
    with daemon.show_job("sync", SYNCS):
        status = daemon.call("sync.run", SyncStatus, accept_deletions=accept_deletions)
    for problem in status.problems:
        warn(escape_line(problem))
    return 1 if status.problems else 0


@command("init", examples=["segue sync init ~/Sync/segue", "segue sync init /mnt/nas/segue --name desktop"])
@click.argument("hub")
@name_option
@pass_daemon
def init(daemon: DaemonClient, *, hub: str, name: str | None) -> int:
    """Make a key and begin to sync with a hub.

    HUB is a folder that other machines see too, or the URL of another hub. Prints the invitation for them: who has it
    can read everything, so keep it like a password.
    """
    address = _address(hub)
    is_used = _has_account(address)
    daemon.disable_timeout()
    echo(daemon.call("sync.init", SyncInvitation, url=address, name=name).invitation)
    if is_used:
        warn(f"{escape_line(hub)} has another history already, which this one never meets; {JOINS}")
    return _sync_now(daemon)


def _has_account(address: str) -> bool:
    """Return True if a machine that this one does not know writes to the folder. Other hubs cannot be asked."""
    try:
        return any(ACCOUNT.fullmatch(one.name) and one.is_dir() for one in os.scandir(address))
    except OSError:  # The daemon names what is wrong with it.
        return False


@command("join", examples=["segue sync join ~/Sync/segue", "segue sync join ~/Sync/segue < invitation.txt"])
@click.argument("hub")
@name_option
@pass_daemon
def join(daemon: DaemonClient, *, hub: str, name: str | None) -> int:
    """Sync with the machine that made an invitation.

    HUB is its folder or URL. The invitation is read from standard input; on a terminal it is asked for. Exit status 1
    if no machine wrote to the hub with it.
    """
    invitation = _read_invitation()
    daemon.disable_timeout()
    daemon.call("sync.join", SyncStatus, url=_address(hub), invitation=invitation, name=name)
    return _sync_now(daemon)


def _read_invitation() -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        entered: str = click.prompt("Invitation", hide_input=True, err=True)
        return entered.strip()
    return read_stdin(MAX_LINE).strip() or " "


@command("invite", examples=["segue sync invite"])
@pass_daemon
def invite(daemon: DaemonClient) -> None:
    """Print the invitation for another machine.

    Who has it can read everything at the hub.
    """
    echo(daemon.call("sync.invite", SyncInvitation).invitation)


@command("status", examples=["segue sync status", "segue sync status --json"])
@json_option
@pass_daemon
def sync_status(daemon: DaemonClient, *, as_json: bool) -> None:
    """Show the machines, what is not sent yet, and problems.

    Columns: machine, its newest batch here, batches that did not come yet, time of the newest. Machines of one name
    have the beginning of their ID too.
    """
    answer = daemon.exchange("sync.status")
    if as_json:
        return echo_json(answer.raw())
    status = answer.decode(SyncStatus)
    for one, name in zip(status.machines, shown_names(status.machines), strict=True):
        marks = {" (here)": one.here, " (forgotten)": one.forgotten, " (old key)": one.old_key}
        mark = next((mark for mark, is_so in marks.items() if is_so), "")
        echo_tsv([f"{name}{mark}", str(one.batches), str(one.behind), one.seen_at or "-"])
    if status.unsent_messages or status.unsent_changes:
        echo(f"not sent yet: {status.unsent_messages} messages, {status.unsent_changes} changes")
    for problem in [*filter(None, [status.error]), *status.problems]:
        warn(escape_line(problem))
    return None


def shown_names(machines: Sequence[SyncMachine]) -> list[str]:
    """Return the names of the machines; those of one name with the beginning of their IDs."""
    count = Counter(one.name for one in machines)
    return [one.name if count[one.name] == 1 else f"{one.name} {one.id[:SHOWN_DIGITS]}" for one in machines]


@command("rekey", examples=["segue sync rekey"])
@json_option
@pass_daemon
def rekey(daemon: DaemonClient, *, as_json: bool) -> int:
    """Replace the key, after it leaked or a machine was lost.

    Everything at the hub is sealed again under a new key, and what was sealed under the old one is erased. Prints the
    new invitation. The other machines lose nothing, and stop until you run `segue sync join HUB` there. Exit status 1
    if the old account is not erased yet.
    """
    with daemon.show_job("rekey", REKEYS, quiet=as_json):
        response = daemon.exchange("sync.rekey")
    result = response.decode(SyncRekeyed)
    if as_json:
        echo_json(response.raw())
    else:
        echo(result.invitation)
        if result.machines:
            warn(escape_line(f"run segue sync join HUB with this invitation on: {', '.join(result.machines)}"))
        for problem in result.problems:
            warn(escape_line(problem))
    return 1 if result.problems else 0


@command("forget", examples=["segue sync forget old-laptop"])
@click.argument("machine", metavar="MACHINE")
@pass_daemon
def forget(daemon: DaemonClient, *, machine: str) -> int:
    """Take over the batches of a machine that is gone for good.

    Its sessions stay. What is deleted is then deleted from its batches at the hub too. MACHINE is a name or an ID of
    `segue sync status --json`, of which 8 digits are enough.
    """
    if not machine:
        raise click.UsageError("MACHINE is empty; segue sync status shows the machines")
    daemon.call("sync.forget", Empty, machine=machine)
    return _sync_now(daemon)


@command("leave", examples=["segue sync leave", "segue sync leave --erase"])
@click.option("--erase", is_flag=True, help="Delete the account from the hub too.")
@click.option("-y", "--yes", is_flag=True, help="Skip the confirmation.")
@pass_daemon
def leave(daemon: DaemonClient, *, erase: bool, yes: bool) -> int:
    """Stop syncing on this machine.

    All sessions stay here; the key is deleted. With --erase, the hub has nothing left until another machine that did
    not leave syncs again. Exit status 1 if you decline.
    """
    if not yes:
        require_tty()
        if not confirmed("Stop syncing, and delete the key on this machine?"):
            return warn("sync is still on", 1)
    daemon.disable_timeout()
    daemon.call("sync.leave", Empty, erase=erase)
    return 0


def _address(hub: str) -> str:
    """Return an absolute path for a folder, because the daemon has another working directory."""
    if not hub:
        raise click.UsageError("HUB is empty; give a folder or a URL")
    if (scheme := hub.partition(":")[0]) in SCHEMES and not hub.startswith(f"{scheme}://"):
        raise click.UsageError(f"HUB: a URL begins with {scheme}://; a folder of this name is ./{hub}")
    if "://" in hub:
        return hub
    return os.path.abspath(os.path.expanduser(hub))


sync.add_command(init)
sync.add_command(sync_hub.hub)
sync.add_command(join)
sync.add_command(invite)
sync.add_command(rekey)
sync.add_command(sync_status)
sync.add_command(forget)
sync.add_command(leave)
