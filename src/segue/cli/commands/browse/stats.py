"""The `stats` command."""

import os
from datetime import datetime
from pathlib import Path

import click

from segue.cli.commands.browse.list import EMPTY
from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command, parse_time
from segue.cli.output.terminal import Failure, echo, echo_json, echo_tsv, stdout_is_tty, warn
from segue.files import FILE_MODE, replace_file
from segue.models import StatsGroup
from segue.results import Stats
from segue.timestamps import milliseconds, timestamp
from segue.workflows.times import local_zone

GROUPS = ["day", "week", "month", "model", "tool", "project"]


@command(examples=["segue stats", "segue stats --by project --since 30d", "segue stats --by month --svg stats.svg"])
@click.option("--by", type=click.Choice(GROUPS), default="day", help="What a row stands for.")
@click.option("--since", callback=parse_time, metavar="TIME", help="Earliest message: an age (12h, 7d) or a date.")
@click.option("--until", callback=parse_time, metavar="TIME", help="Messages before: an age (12h, 7d) or a date.")
@click.option("--dir", "directory", metavar="PATH", help="Only sessions of this directory.")
@click.option("--project", metavar="PATH", help="Only sessions of the project with this root.")
@click.option("--source", metavar="TOOL", help='Only sessions imported from this tool; "" for all others.')
@click.option("--svg", metavar="FILE", type=click.Path(path_type=Path), help="Write a picture to FILE.")
@json_option
@pass_daemon
def stats(
    daemon: DaemonClient,
    *,
    by: StatsGroup,
    since: str | None,
    until: str | None,
    directory: str | None,
    project: str | None,
    source: str | None,
    svg: Path | None,
    as_json: bool,
) -> None:
    """Count sessions, messages, tool calls and tokens.

    Days, weeks and months are those of the local time zone. A tool is what sessions were imported from. A session
    counts in each row that has a message of it.

    A pipe gets tab-separated values: key, sessions, messages, messages of the user, tool calls, input tokens and output
    tokens.
    """
    zone = local_zone()
    with daemon.show_job("statistics", "segued continues to count; run it again", quiet=as_json):
        response = daemon.exchange(
            "session.stats",
            since=_just_before(since),
            until=_just_before(until),
            group_by=by,
            working_dir=None if directory is None else os.path.realpath(directory),
            project=None if project is None else os.path.realpath(project),
            source=source,
            tz=zone,
        )
    found = response.decode(Stats)
    if as_json:
        echo_json(response.raw())
    if not found.rows and (stdout_is_tty() or svg is not None):
        filtered = (since, until, directory, project, source) != (None,) * 5
        warn("no message matches; `segue stats` without options counts all" if filtered else EMPTY)
    elif svg is not None:
        _write_picture(svg, found, by, zone, chosen=since is not None)
    elif not as_json:
        _print(found, by, chosen=since is not None)


def _just_before(moment: str | None) -> str | None:
    """Return the millisecond before, because the method leaves out the first moment and the command does not."""
    try:
        return None if moment is None else timestamp(milliseconds(moment) - 1)
    except ValueError:  # The daemon reports it.
        return moment


def _print(found: Stats, by: StatsGroup, *, chosen: bool) -> None:
    if stdout_is_tty():
        from segue.cli.output.stats_table import print_stats

        print_stats(found, by, today=datetime.now().astimezone().date(), chosen=chosen)
        return
    for row in found.rows:
        counts = (row.sessions, row.messages, row.user_messages, row.tool_calls, row.input_tokens, row.output_tokens)
        echo_tsv([row.key or "", *map(str, counts)])


def _write_picture(path: Path, found: Stats, by: StatsGroup, zone: str, *, chosen: bool) -> None:
    from segue.cli.output.stats_svg import render

    picture = render(found, by, today=datetime.now().astimezone().date(), chosen=chosen, place=zone)
    try:
        replace_file(path, picture.encode(errors="replace"), mode=FILE_MODE)
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror}") from None
    if stdout_is_tty():
        echo(f"wrote {path}")
