"""Define the methods of the daemon itself: status, backup, scrub, check and shutdown."""

from typing import Literal

from segue import store
from segue.api.request import Context
from segue.errors import Conflict, InvalidData, StorageError
from segue.jsonrpc.method import method
from segue.models import FilePath
from segue.results import BackupResult, CheckResult, Empty, ScrubResult
from segue.runtime.progress import Progress
from segue.status_results import DaemonStatus


@method("daemon.ping")
async def ping(ctx: Context) -> Literal["pong"]:
    """Return `pong`. Does not read the database."""
    return "pong"


@method("daemon.status", raises=(StorageError,))
async def status(ctx: Context) -> DaemonStatus:
    """Return version, paths, load, error counts, the slowest write, the last cleanup and the jobs that run now."""
    database, deleted_remains, due = await ctx.store.read(store.database_status.status_and_due, ctx.store.path)
    return ctx.daemon.status(database, due, deleted_remains=deleted_remains)


@method("daemon.backup", raises=(Conflict, StorageError))
async def backup(ctx: Context, *, path: FilePath, overwrite: bool = False) -> BackupResult:
    """Copy the database to one file with mode 0600 at an absolute path.

    The copy has the state of one moment after the call, without deleted data. Clients can read and write meanwhile.
    If the backup fails, no file is left. `overwrite` replaces an earlier backup, never another kind of file.
    Backups run one at a time.
    """
    return await ctx.daemon.back_up(path, overwrite=overwrite)


@method("daemon.scrub", raises=(StorageError, InvalidData))
async def scrub(ctx: Context, *, dry_run: bool = False) -> ScrubResult:
    """Remove the secrets that `privacy.redact` recognizes from all stored data, the index and the WAL included.

    `dry_run` only reports them. Every changed session gives a `session.updated` event, and every subscription gets a
    `reset`.
    """
    return await ctx.daemon.scrub(dry_run=dry_run)


@method("daemon.check", raises=(StorageError,))
async def check(ctx: Context, *, full: bool = False) -> CheckResult:
    """Check the database file and its mode; with `full`, also references, counters and the search index.

    Reads the whole file, which takes seconds for hundreds of megabytes. Other clients are served meanwhile.
    A damaged search index is rebuilt.
    """
    if lost := ctx.store.check_files():
        return CheckResult(ok=False, problems=[f"lost: {lost}"])
    with ctx.daemon.jobs.run("check") as progress:
        problems = await ctx.store.read_on_new_connection(store.integrity.check, ctx.store.path, progress, full=full)
        if full:
            problems += await _check_index(ctx, progress)
    return CheckResult(ok=not problems, problems=problems)


async def _check_index(ctx: Context, progress: Progress) -> list[str]:
    """Return the problems of the search index. If there are any, empty the index, so that it is built again."""
    problems = await ctx.store.read_on_new_connection(store.index_check.check, progress)
    if not problems:
        return []
    try:
        await ctx.store.write(store.index.reset)
    except StorageError as error:
        return [f"{problem}; it cannot be rebuilt: {error.message}" for problem in problems]
    return [f"{problem}; it is being rebuilt" for problem in problems]


@method("daemon.shutdown")
async def shutdown(ctx: Context) -> Empty:
    """Stop the daemon: respond, finish the requests already received, and exit with status 0."""
    ctx.daemon.stop()
    return Empty()
