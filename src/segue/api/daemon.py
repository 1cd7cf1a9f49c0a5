"""The daemon itself: alive, how it fares, sound, and to be stopped."""

from typing import Literal

from segue import store
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, StorageError
from segue.jsonrpc.method import method
from segue.models import FilePath
from segue.results import BackupResult, CheckResult, DaemonStatus, Empty, ScrubResult


@method("daemon.ping")
async def ping(ctx: Context) -> Literal["pong"]:
    """The word `pong`, without a look at the file."""
    return "pong"


@method("daemon.status", raises=(StorageError,))
async def status(ctx: Context) -> DaemonStatus:
    """Versions, places, load, errors by kind, the slowest write and the last cleanup: what tells why it fares ill."""
    database, deleted_remains = await ctx.store.read(store.database_status.status_and_deleted, ctx.store.path)
    return ctx.daemon.status(database, deleted_remains=deleted_remains)


@method("daemon.backup", raises=(Conflict, StorageError))
async def backup(ctx: Context, *, path: FilePath, overwrite: bool = False) -> BackupResult:
    """A consistent copy of the database, 0600 and in one file, at an absolute path: whole, or not there.

    Others go on reading and writing. It is the database of one moment after the call, without what was deleted
    before. `overwrite` replaces another copy, never a file that is no database of segue. One is made at a time.
    """
    return await ctx.daemon.back_up(path, overwrite=overwrite)


@method("daemon.scrub", raises=(StorageError, InvalidData))
async def scrub(ctx: Context, *, dry_run: bool = False) -> ScrubResult:
    """Take the secrets that `privacy.redact` recognises out of everything stored, the index and the WAL included.

    `dry_run` only finds them. What was changed is in `session.updated` events; every subscription gets a `reset`.
    """
    return await ctx.daemon.scrub(dry_run=dry_run)


@method("daemon.check", raises=(StorageError,))
async def check(ctx: Context, *, full: bool = False) -> CheckResult:
    """Whether the file is sound: its pages and modes, and if `full` also references, counters and the search index.

    Reads the whole file: seconds for hundreds of megabytes, while other clients go on. A damaged index is made anew.
    """
    if lost := ctx.store.check_files():
        return CheckResult(ok=False, problems=[f"lost: {lost}"])
    problems = await ctx.store.read_on_new_connection(store.integrity.check, ctx.store.path, full=full)
    if full:
        problems += await _check_index(ctx)
    return CheckResult(ok=not problems, problems=problems)


async def _check_index(ctx: Context) -> list[str]:
    """What is wrong with the search index, which is emptied then, to be filled again."""
    found = await ctx.store.read_on_new_connection(store.index_check.check)
    if not found:
        return []
    try:
        await ctx.store.write(store.index.reset)
    except StorageError as error:
        return [f"{problem}; it cannot be made anew: {error.message}" for problem in found]
    return [f"{problem}; it is made anew" for problem in found]


@method("daemon.shutdown")
async def shutdown(ctx: Context) -> Empty:
    """Answer, then finish what was received, and exit 0."""
    ctx.daemon.stop()
    return Empty()
