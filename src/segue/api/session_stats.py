"""Define the method that counts what sessions hold."""

from segue import store
from segue.api.parameters.validation import check_time, normalize_directory
from segue.api.request import Context
from segue.errors import InvalidData, InvalidParams, StorageError
from segue.jsonrpc.method import method
from segue.models import Project, SourceFilter, StatsGroup, Timestamp, TimeZone, WorkingDir
from segue.results import Stats

QUICK_SECONDS = 0.25
"""Seconds: how long statistics may occupy a reader that other requests wait for."""

SLOW_SECONDS = 30
"""Seconds: how long they may take on their own connection."""


@method("session.stats", raises=(StorageError, InvalidData))
async def stats(
    ctx: Context,
    *,
    since: Timestamp | None = None,
    until: Timestamp | None = None,
    group_by: StatsGroup = "day",
    working_dir: WorkingDir | None = None,
    project: Project | None = None,
    source: SourceFilter | None = None,
    tz: TimeZone = "UTC",
) -> Stats:
    """Count sessions, messages, tool calls and tokens, by time, model, tool or project.

    Days, weeks (ISO 8601, `2026-W47`) and months are those of the time zone `tz`. `model` is the model of the message,
    else of its session. `tool` is the tool that a session was imported from. A session counts in each group that has a
    message of it. `since` is exclusive, `until` inclusive; `source` is a tool, or "" for sessions that are not
    imported. Archived sessions count, sessions in which frameworks keep data do not. Rows of time are ascending, others
    by their number of messages. At most 10000 rows that fit into `limits.answer_bytes` are returned: the newest, or
    those with the most messages. `total` counts all.
    """
    check_time(since, "$.since")
    check_time(until, "$.until")
    try:
        store.session_stats.find_zone(tz)
    except store.session_stats.UnknownZone:
        raise InvalidParams(f"{tz!r} is not a known time zone, such as Europe/Berlin", path="$.tz") from None
    directory = None if working_dir is None else normalize_directory(working_dir)
    filter = store.session_stats.Filter(since, until, directory, project, source)
    request = filter, group_by, tz, ctx.config.limits.answer_bytes
    await ctx.daemon.count_messages()
    try:
        return await ctx.store.read(store.session_stats.collect, *request, QUICK_SECONDS)
    except store.session_stats.TookTooLong:
        pass
    async with ctx.store.slow_reads:
        try:
            return await ctx.store.read_on_new_connection(store.session_stats.collect, *request, SLOW_SECONDS)
        except store.session_stats.TookTooLong:
            reason = f"the statistics take longer than {SLOW_SECONDS} s; choose a shorter time"
            raise InvalidParams(reason, path="$.since") from None
