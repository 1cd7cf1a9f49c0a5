"""The daemon itself: alive, how it fares, sound, and to be stopped."""

from typing import Literal

from segue.answers import CheckResult, DaemonStatus, Empty
from segue.api.context import Context
from segue.errors import StorageError
from segue.rpc.method import method
from segue.store import health, index_check, indexing


@method("daemon.ping")
async def ping(ctx: Context) -> Literal["pong"]:
    """The word `pong`, without a look at the file."""
    return "pong"


@method("daemon.status", raises=(StorageError,))
async def status(ctx: Context) -> DaemonStatus:
    """Versions, places, load, errors by kind, the slowest write and the last cleanup: what tells why it fares ill."""
    return ctx.daemon.status(await ctx.store.read(health.status, ctx.store.path))


@method("daemon.check", raises=(StorageError,))
async def check(ctx: Context, *, full: bool = False) -> CheckResult:
    """Whether the file is sound: its pages and modes, and if `full` also references, counters and the search index.

    Reads the whole file: seconds for hundreds of megabytes, while other clients go on. A damaged index is made anew.
    """
    if lost := ctx.store.look_after_file():
        return CheckResult(ok=False, problems=[lost])
    problems = await ctx.store.read_apart(health.check, ctx.store.path, full=full)
    if full and (found := await ctx.store.read_apart(index_check.check)):
        await ctx.store.write(indexing.reset)
        problems += [f"{problem}; it is made anew" for problem in found]
    return CheckResult(ok=not problems, problems=problems)


@method("daemon.shutdown")
async def shutdown(ctx: Context) -> Empty:
    """Answer, then finish what was received, and exit 0."""
    ctx.daemon.stop()
    return Empty()
