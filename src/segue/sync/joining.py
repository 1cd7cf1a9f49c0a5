"""The checks before sync begins."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from segue.errors import Conflict
from segue.store.engine.tx import Tx
from segue.store.sync import account, contents, dirty, machines
from segue.sync import positions
from segue.sync.keys import Key
from segue.sync.retired import Retired, check_not_retired
from segue.sync.sealing import MISSING, Refused, is_available, open_batch
from segue.sync.transports.transport import Transport


def require_library() -> None:
    """Raise Conflict unless PyNaCl is installed."""
    if not is_available():
        raise Conflict(MISSING, reason="library")


def check_folder(url: str, database: Path, *, create: bool) -> None:
    """Check that a folder can be the hub, and create it if `create` is set. Other hubs pass.

    Raises:
        Conflict: it cannot be created, is no folder, or holds the database and its key.
    """
    if not url.startswith("/"):
        return
    folder = Path(url)
    if database.resolve().is_relative_to(folder.resolve()):
        raise Conflict(f"{url} holds the database and its key; choose another folder for the hub", reason="hub")
    if folder.exists() and not folder.is_dir():
        raise Conflict(f"{url} is not a folder; give a folder or a URL", reason="hub")
    try:
        if create:
            folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        raise Conflict(
            f"there is no folder {folder.parent}; create it first, or mount its disk", reason="hub"
        ) from None
    except OSError as error:
        raise Conflict(f"cannot create {url}: {error.strerror}", reason="hub") from None


async def check_account(transport: Transport, key: Key, url: str) -> None:
    """Check that a machine wrote to the hub with the key.

    Raises:
        Conflict: none did, or the key was replaced.
        TransportError: the hub cannot be used.
    """
    heads = await transport.heads()
    try:
        await check_not_retired(transport, key, heads)
    except Retired as error:
        raise Conflict(str(error), reason="rekeyed") from None
    for machine, head in heads.items():
        batch = await transport.get(machine, head)
        if batch is not None:
            with suppress(Refused):
                open_batch(key, batch)
                return
    raise Conflict(f"no machine wrote to {url} with this invitation; check both", reason="account")


def begin_again(tx: Tx, url: str, name: str | None, heads: Mapping[str, int]) -> None:
    """Publish something under a new key, and check what was copied of this machine's batches.

    The copy may hold what this machine has deleted since.
    """
    names = account.own_names(tx)
    contents.erase_all(tx, {bytes.fromhex(uid): head for uid, head in heads.items() if uid in names})
    dirty.mark(tx, "marker", 0)
    account.change(tx, url=url)
    if name is not None:
        account.set_name(tx, name)


def forget(tx: Tx, machine: str) -> None:
    """Take over what a machine wrote.

    Raises:
        NotFound: there is none of that name or id.
        Conflict: several machines have the name, or it is this one.
    """
    machines.find(tx, machine)
    known = [one for one in positions.machines(tx) if machine == one.name or machines.is_id(machine, one.uid.hex())]
    if len(known) > 1:
        uids = ", ".join(one.uid.hex() for one in known)
        raise Conflict(f"several machines are named {machine!r}; give one of {uids}", reason="ambiguous")
    if known[0].is_own:
        raise Conflict("that is this machine; use segue sync leave", reason="self")
    account.take_over(tx, known[0].uid)
