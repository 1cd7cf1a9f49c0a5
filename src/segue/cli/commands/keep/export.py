"""The `export` command."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command, parse_time
from segue.cli.output.progress import ProgressDisplay
from segue.cli.output.terminal import Failure, echo, echo_json, echo_stored, stdout_is_tty
from segue.cli.session_lookup import find_or_current, find_session
from segue.files import FILE_MODE
from segue.models import Session, SessionSummary
from segue.results import SessionPage
from segue.runtime.progress import Progress

FORMATS = ("jsonl", "markdown", "html")
SUFFIXES = {"jsonl": "jsonl", "markdown": "md", "html": "html"}


@command(
    examples=[
        "segue export",
        "segue export 0340-249 --format html --output talk.html",
        "segue export --project . --since 30d --output notes",
        "segue export --all --format jsonl --output all.jsonl",
    ]
)
@click.argument("sessions", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All sessions, archived and imported ones included.")
@click.option("--project", metavar="PATH", help="All sessions of the project with this root.")
@click.option("--source", metavar="TOOL", help='All sessions imported from this tool; "" for all others.')
@click.option("--since", callback=parse_time, metavar="TIME", help="Earliest last message: an age (7d) or a date.")
@click.option("--format", type=click.Choice(FORMATS), default="markdown", help="Format of the output.")
@click.option("--output", metavar="PATH", help="File to write, or folder for one file per session.")
@pass_daemon
def export(
    daemon: DaemonClient,
    *,
    sessions: tuple[str, ...],
    everything: bool,
    project: str | None,
    source: str | None,
    since: str | None,
    format: str,
    output: str | None,
) -> None:
    """Write sessions as JSON Lines, Markdown or HTML.

    Without an ID, the session that the current directory continues is exported. JSON Lines have everything that is
    stored, one session per line, and `segue import` stores it again; with --all, another line has bots and memories of
    no session, and the sessions in which frameworks keep data are exported too. HTML is one file per session that needs
    no network.
    """
    root = None if project is None else os.path.realpath(project)
    filters = {"project": root, "source": source}
    with_stores = everything and format == "jsonl"
    chosen = list(
        _chosen(daemon, sessions, everything=everything, filters=filters, since=since, with_stores=with_stores)
    )
    ids = [session.id for session in chosen]
    if not ids and not everything:
        raise Failure("no session matches; list them all with: segue list --all")
    folder = None if output is None or not _is_folder(Path(output), format, len(ids)) else Path(output)
    if format == "html" and output is None and (len(ids) != 1 or stdout_is_tty()):
        raise click.UsageError("HTML needs --output PATH: a file for one session, a folder for several")
    daemon.disable_timeout()
    progress = Progress("export")
    progress.begin("writing", sum(session.message_count for session in chosen), "messages")
    texts = _texts(daemon, ids, format, progress, everything=everything)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    prints = output is None and stdout_is_tty()
    with ProgressDisplay(progress, "each file is written whole; run it again to write all of them", quiet=prints):
        if folder is not None:
            for name, text in texts:
                _write(folder / f"{name}.{SUFFIXES[format]}", [text])
        elif output is not None:
            _write(Path(output), (text for _, text in texts))
        else:
            for _, text in texts:
                _print(text, format)
    if output is not None and stdout_is_tty():
        echo(f"exported {len(ids)} {'session' if len(ids) == 1 else 'sessions'} to {output}")


def _chosen(
    daemon: DaemonClient,
    sessions: tuple[str, ...],
    *,
    everything: bool,
    filters: dict[str, str | None],
    since: str | None,
    with_stores: bool,
) -> Iterator[Session | SessionSummary]:
    is_filtered = any(value is not None for value in (*filters.values(), since))
    if sessions and (everything or is_filtered):
        raise click.UsageError("give either IDs or --all, --project, --source or --since")
    if everything and is_filtered:
        raise click.UsageError("--all leaves nothing for --project, --source or --since to choose")
    if not everything and not is_filtered:
        yield from [find_session(daemon, given) for given in sessions] or [find_or_current(daemon, None)]
        return
    yield from _listed(daemon, filters, since)
    if with_stores:
        yield from _listed(daemon, {"metadata": {"segue.kind": "store"}}, None)


def _listed(daemon: DaemonClient, filters: Mapping[str, Any], since: str | None) -> Iterator[SessionSummary]:
    cursor: str | None = None
    while True:
        params = {"archived": None, "limit": 1000, "cursor": cursor, **filters}
        page = msgspec.convert(daemon.client.request("session.list", params), SessionPage)
        for session in page.sessions:
            if since is not None and session.last_message_at < since:
                return
            yield session
        cursor = page.next_cursor
        if cursor is None:
            return


def _is_folder(path: Path, format: str, sessions: int) -> bool:
    """Return True if each session gets a file of its own below the path."""
    return path.is_dir() or (sessions != 1 and not (format == "jsonl" and path.suffix == ".jsonl"))


def _texts(
    daemon: DaemonClient, ids: list[str], format: str, progress: Progress, *, everything: bool
) -> Iterator[tuple[str, str]]:
    """Yield the text of each session with its name, and before them what the store has besides."""
    if everything and format == "jsonl" and (rest := _render_rest(daemon, ids)):
        yield "rest", rest
    for number, session_id in enumerate(ids):
        progress.note = f"{number:,} of {len(ids):,} sessions".replace(",", " ") if len(ids) > 1 else ""
        yield session_id, _render(daemon, session_id, format, progress)


def _render(daemon: DaemonClient, session_id: str, format: str, progress: Progress) -> str:
    from segue.history.bundle import fetch

    bundle = fetch(daemon.client, session_id, progress)
    if format == "jsonl":
        return msgspec.json.encode(bundle).decode() + "\n"
    if format == "html":
        from segue.history import html

        return html.render(bundle)
    from segue.history import markdown

    return markdown.render(bundle)


def _render_rest(daemon: DaemonClient, ids: list[str]) -> str | None:
    """Return the line of what the store has besides sessions."""
    from segue.history.bundle import fetch_rest

    rest = fetch_rest(daemon.client, set(ids))
    return None if rest is None else msgspec.json.encode(rest).decode() + "\n"


def _print(text: str, format: str) -> None:
    if format == "jsonl":
        echo_json(text.removesuffix("\n").encode())
    else:
        echo_stored(text)


def _write(path: Path, texts: Iterable[str]) -> None:
    """Replace a file in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
            file.writelines(text.encode(errors="replace") for text in texts)
        temporary.replace(path)
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
