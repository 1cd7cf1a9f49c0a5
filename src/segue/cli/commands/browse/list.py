"""The `list` and `current` commands."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command, parse_time
from segue.cli.output.session_table import print_sessions
from segue.cli.output.terminal import Failure, echo, echo_json, stdout_is_tty, styled, warn
from segue.cli.session_lookup import current_place, nothing_to_continue, place_filter, resolve
from segue.errors import NotFound
from segue.models import SessionSummary
from segue.results import DaemonStatus, SessionPage
from segue.workflows.expiry import DAYS, count_expiring, expiry_text, find_expiring, waiting_text
from segue.workflows.sessions import NULL

EMPTY = "no sessions yet; `segue ask QUESTION` starts one, `segue help quickstart` shows how"


@command(examples=["segue list", "segue list --here --since 7d", "segue list --pinned --all", "segue list --json"])
@click.option("--here", "only_here", is_flag=True, help="Only sessions of this directory or repository.")
@click.option("--dir", "directory", metavar="PATH", help="Only sessions of this directory.")
@click.option("--since", callback=parse_time, metavar="TIME", help="Earliest last use: an age (12h, 7d) or a date.")
@click.option("--until", callback=parse_time, metavar="TIME", help="Latest last use: an age (12h, 7d) or a date.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, metavar="N", help="Maximum number of sessions.")
@click.option("--all", "everything", is_flag=True, help="All sessions, without a limit.")
@click.option("--status", type=click.Choice(["active", "completed", "crashed"]), help="Only sessions of this status.")
@click.option("--archived", is_flag=True, help="Only archived sessions.")
@click.option("--stores", is_flag=True, help="Only sessions in which frameworks keep data.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="Only sessions with this tag; repeatable.")
@click.option("--project", metavar="PATH", help="Only sessions of the project with this root.")
@click.option("--source", metavar="TOOL", help="Only sessions imported from this tool.")
@click.option("--machine", metavar="NAME", help="Only sessions that this machine used last.")
@click.option("--pinned", is_flag=True, help="Only pinned sessions.")
@click.option("--bot", metavar="ID", help="Only sessions of this bot.")
@click.option("--name", metavar="TEXT", help="Only sessions whose name contains TEXT.")
@click.option("--expiring", is_flag=True, help="Only sessions that cleanup deletes within three days, the next first.")
@json_option
@pass_daemon
def list(
    daemon: DaemonClient,
    *,
    only_here: bool,
    directory: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    everything: bool,
    status: str | None,
    archived: bool,
    stores: bool,
    tags: tuple[str, ...],
    project: str | None,
    source: str | None,
    machine: str | None,
    pinned: bool,
    bot: str | None,
    name: str | None,
    expiring: bool,
    as_json: bool,
) -> None:
    """List sessions, newest first.

    An asterisk marks the session that the current directory continues, @ one that another machine used last. The
    short ID of a row works in every command, as do the row's position (@1) and words of the name.

    A pipe gets tab-separated values: ID, name, provider/model, directory, messages, created, last message, the
    asterisk and, if another machine used the session last, that machine. --json prints one line for every 1000
    sessions.
    """
    filters: dict[str, Any] = {
        "working_dir": _real_path(directory),
        "status": status,
        "bot_id": bot,
        "name_contains": name,
        "pinned": True if pinned else None,
        "archived": True if archived else None,
        "metadata": {"segue.kind": "store"} if stores else None,
        "tags": [*tags] or None,
        "project": _real_path(project),
        "source": source,
        "machine": machine,
    }
    if only_here:
        filters |= place_filter(daemon)
    current_id = None if as_json else _current_id(daemon, bot)
    wanted = None if everything else limit
    if expiring:
        filters["archived"] = True if archived else NULL
        pages = daemon.pages("session.list", SessionPage, None, **filters)
        sessions = [one for _, page in pages for one in _used_between(page.sessions, since, until)]
        return _print_expiring(daemon, sessions, wanted, current_id, as_json=as_json)
    dated = since is not None or until is not None
    shown = total = 0
    for response, page in daemon.pages("session.list", SessionPage, None if dated else wanted, **filters):
        rows = _used_between(page.sessions, since, until)[: None if wanted is None else wanted - shown]
        if as_json:
            echo_json(msgspec.json.encode({"sessions": rows, "total": len(rows)}) if dated else response.raw())
        elif rows:
            print_sessions(rows, current_id)
        shown, total = shown + len(rows), page.total
        if shown == wanted or (since is not None and page.sessions and page.sessions[-1].last_message_at < since):
            break
    if stdout_is_tty() and not as_json:
        _print_rest(shown, None if dated else total, filtered=dated or any(map(bool, filters.values())))
        if count := count_expiring(daemon):
            warn(expiry_text(count))
    if waiting := daemon.call("daemon.status", DaemonStatus).cleanup.waiting:
        warn(waiting_text(waiting))
    return None


def _real_path(path: str | None) -> str | None:
    return None if path is None else os.path.realpath(path)


@command(examples=["segue current", "segue current --bot reviewer --json"])
@click.option("--bot", metavar="ID", help="Bot ID; default: the bot `default`.")
@json_option
@pass_daemon
def current(daemon: DaemonClient, *, bot: str | None, as_json: bool) -> int:
    """Show the session that the current directory continues.

    Exit status 1 if there is none.
    """
    place = current_place(daemon)
    resolution = resolve(daemon, place, bot)
    if as_json:
        echo_json(daemon.exchange("session.resolve", **place, bot_id=bot, create=False).raw())
    elif resolution.session is not None:
        print_sessions([resolution.session], resolution.session.id)
    return 0 if resolution.session is not None else warn(nothing_to_continue(resolution), 1)


def _print_expiring(
    daemon: DaemonClient,
    sessions: Sequence[SessionSummary],
    wanted: int | None,
    current_id: str | None,
    *,
    as_json: bool,
) -> None:
    """Print those of the sessions that expire soon, the next first."""
    days_left = find_expiring(daemon)
    order = {id: at for at, id in enumerate(days_left)}
    found = sorted((one for one in sessions if one.id in days_left), key=lambda one: order[one.id])
    if as_json:
        return echo_json(msgspec.json.encode({"sessions": found[:wanted], "total": len(found)}))
    if found:
        print_sessions(found[:wanted], current_id, days_left)
    elif stdout_is_tty():
        warn(f"no session expires within {DAYS} days")
    if stdout_is_tty() and wanted is not None and len(found) > wanted:
        echo(styled(f"{wanted} of {len(found)}; --limit N or --all shows more", dim=True))
    return None


def _used_between(sessions: Sequence[SessionSummary], since: str | None, until: str | None) -> Sequence[SessionSummary]:
    def matches() -> Iterator[SessionSummary]:
        for session in sessions:
            if (since is None or session.last_message_at >= since) and (
                until is None or session.last_message_at < until
            ):
                yield session

    return [*matches()]


def _print_rest(shown: int, total: int | None, *, filtered: bool) -> None:
    if not shown:
        warn("no session matches; `segue list --all` shows every session" if filtered else EMPTY)
    elif total is not None and total > shown:
        echo(styled(f"{shown} of {total}; --limit N or --all shows more", dim=True))


def _current_id(daemon: DaemonClient, bot: str | None) -> str | None:
    """Return the ID of the current session, or None if there is none.

    It only sets a mark. A deleted directory or an unknown bot must not prevent the list.
    """
    try:
        session = resolve(daemon, current_place(daemon), bot).session
    except (Failure, NotFound):
        return None
    return None if session is None else session.id
