"""The checks before sync begins."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from segue.errors import Conflict
from segue.store.engine.tx import Tx
from segue.store.sync import account, contents, dirty
from segue.sync import positions
from segue.sync.keys import Key
from segue.sync.retired import Retired, check_not_retired
from segue.sync.sealing import MISSING, Refused, is_available, open_batch
from segue.sync.transports.transport import Transport


def require_library() -> None:
    """Raise Conflict unless PyNaCl is installed."""
    if not is_available():
        raise Conflict(MISSING, reason="library")


def make_folder(url: str) -> None:
    """Create the folder that is to be the hub.

    Raises:
        Conflict: it cannot be created.
    """
    if url.startswith("/"):
        try:
            Path(url).mkdir(mode=0o700, exist_ok=True)
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


def forget(tx: Tx, machine: str) -> bool:
    """Take over what a machine wrote; return False if there is none of that name or id.

    Raises:
        Conflict: several machines have the name, or it is this one.
    """
    known = [one for one in positions.machines(tx) if machine in (one.name, one.uid.hex())]
    if len(known) > 1:
        uids = ", ".join(one.uid.hex() for one in known)
        raise Conflict(f"several machines are named {machine!r}; give one of {uids}", reason="ambiguous")
    if not known:
        return False
    if known[0].is_own:
        raise Conflict("that is this machine; use segue sync leave", reason="self")
    account.take_over(tx, known[0].uid)
    return True
