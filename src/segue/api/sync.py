"""Define the methods of sync with other machines."""

from typing import Annotated

from msgspec import Meta

from segue.api.request import Context
from segue.errors import Conflict, NotFound, StorageError
from segue.jsonrpc.method import method
from segue.models import MachineName, Name
from segue.results import Empty, SyncInvitation, SyncRekeyed
from segue.status_results import SyncStatus

HubAddress = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=4096,
        pattern=r"^[^\x00-\x1f\x7f]+(?![\s\S])",
        description="an absolute path of a folder, or the URL of another hub",
    ),
]
Invitation = Annotated[str, Meta(min_length=1, max_length=256, description="a line of sync.invite")]


@method("sync.init", raises=(Conflict, StorageError))
async def init(ctx: Context, *, url: HubAddress, name: Name | None = None) -> SyncInvitation:
    """Make a key and an account at a hub, and return the invitation for other machines.

    `name` is what this machine is called, by default its host name. A conflict has the reason `library`, `sync_on`,
    `key` or `hub`.
    """
    return SyncInvitation(invitation=await ctx.daemon.sync.init(url, name))


@method("sync.join", raises=(Conflict, StorageError))
async def join(ctx: Context, *, url: HubAddress, invitation: Invitation, name: Name | None = None) -> SyncStatus:
    """Join the account of an invitation. What other machines have comes with the next `sync.run`.

    A machine that syncs already joins again with the invitation of `sync.rekey`; with that of another history it is
    a conflict with the reason `sync_on`. Other reasons are `library`, `key`, `hub`, `rekeyed` for an invitation whose
    key was replaced and, if no machine wrote with the invitation, `account`. Nothing is written to the hub then.
    """
    await ctx.daemon.sync.join(url, invitation, name)
    return await ctx.daemon.sync.status()


@method("sync.invite", raises=(Conflict,))
async def invite(ctx: Context) -> SyncInvitation:
    """Return the line with which another machine joins. Who has it can read everything at the hub."""
    return SyncInvitation(invitation=ctx.daemon.sync.invite())


@method("sync.run", raises=(Conflict, StorageError))
async def run(ctx: Context, *, accept_deletions: bool = False) -> SyncStatus:
    """Sync now, and return when both directions are done. `daemon.status.jobs` shows how far it is.

    `accept_deletions` deletes sessions that other machines deleted although they are many. A conflict has the reason
    `sync_off`, `library`, `key`, `hub` or, after another machine replaced the key, `rekeyed`.
    """
    return await ctx.daemon.sync.sync(accept_deletions=accept_deletions)


@method("sync.status", raises=(Conflict, StorageError))
async def status(ctx: Context) -> SyncStatus:
    """Return the machines of the account, what is not sent yet, and the last problems."""
    return await ctx.daemon.sync.status()


@method("sync.rekey", raises=(Conflict, StorageError))
async def rekey(ctx: Context) -> SyncRekeyed:
    """Seal everything at the hub under a new key, and erase the account of the old one.

    The other machines (`machines`) stop until they join with the new invitation, by `sync.join` without `sync.leave`.
    A conflict has the reason `hub`, `key` or, if another machine replaced the key, `rekeyed`; the key is as it was
    then. Something that remains at the old account is in `problems`, and each round tries again to erase it.
    """
    invitation = await ctx.daemon.sync.rekey()
    status = await ctx.daemon.sync.status()
    machines = [one.name for one in status.machines if one.old_key]
    return SyncRekeyed(invitation=invitation, machines=machines, problems=status.problems)


@method("sync.forget", raises=(Conflict, NotFound, StorageError))
async def forget(ctx: Context, *, machine: MachineName) -> Empty:
    """Take over the batches of a machine that is gone for good, so that deletions reach them too.

    A conflict has the reason `ambiguous` if several machines have the name, and `self` for this one.
    """
    await ctx.daemon.sync.forget(machine)
    return Empty()


@method("sync.leave", raises=(Conflict, StorageError))
async def leave(ctx: Context, *, erase: bool = False) -> Empty:
    """Turn sync off on this machine. All sessions stay here. `erase` deletes the account from the hub."""
    await ctx.daemon.sync.leave(erase=erase)
    return Empty()
