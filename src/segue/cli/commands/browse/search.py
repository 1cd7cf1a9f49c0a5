"""The `search` command."""

import shlex
from collections.abc import Iterator

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command, parse_time
from segue.cli.output.hits import MARKS, heading, snippet
from segue.cli.output.session_table import print_sessions
from segue.cli.output.terminal import echo, echo_json, echo_tsv, stdout_is_tty, warn
from segue.cli.output.transcript import COLORS
from segue.cli.session_lookup import find_session, place_filter
from segue.client.protocol import Answer
from segue.results import SearchPage

INDEXING = "segued continues to add messages to the search index; search again"
"""The text printed after Ctrl-C while the first search waits for the index."""


@command(examples=["segue search nginx 502", "segue search --here --since 7d 'migration*'", "segue search --json key"])
@click.argument("words", metavar="QUERY", nargs=-1, required=True)
@click.option("--here", "only_here", is_flag=True, help="Only sessions of this directory or repository.")
@click.option("--since", callback=parse_time, metavar="TIME", help="Earliest time: an age (30m, 12h, 7d) or a date.")
@click.option("--until", callback=parse_time, metavar="TIME", help="Latest time: an age (30m, 12h, 7d) or a date.")
@click.option("--session", metavar="ID", help="Only this session.")
@click.option("--source", metavar="TOOL", help='Only sessions imported from this tool; "" for all others.')
@click.option("--role", type=click.Choice(["user", "assistant", "system", "tool"]), help="Only messages of this role.")
@click.option("--bot", metavar="ID", help="Only sessions of this bot.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, metavar="N", help="Maximum number of messages.")
@json_option
@pass_daemon
def search(
    daemon: DaemonClient,
    *,
    words: tuple[str, ...],
    only_here: bool,
    since: str | None,
    until: str | None,
    session: str | None,
    source: str | None,
    role: str | None,
    bot: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """Search all messages, best match first.

    A message matches if it contains all words. If no message does, messages with some of the words are shown. Use
    "quotes" for a phrase, and * after at least three characters for a prefix; quote both for the shell. Exit status 1
    if nothing matches.

    A pipe gets tab-separated values: message ID, session ID, role, time, directory, session name and the matching
    text. --json prints one line for every 200 matches.
    """
    filters = {
        "session_id": None if session is None else find_session(daemon, session).id,
        "source": source,
        "bot_id": bot,
        "role": role,
        "since": since,
        "until": until,
        **(place_filter(daemon) if only_here else {}),
    }
    shown = 0
    first: SearchPage | None = None
    for response, page in _pages(daemon, limit, {"query": " ".join(words), **filters}):
        echo_json(response.raw()) if as_json else _print_page(page)
        shown += len(page.hits)
        first = first or page
    if not shown and first is not None and not as_json:
        _print_nothing_found(first)
    return 0 if shown else 1


def _pages(daemon: DaemonClient, limit: int, params: dict[str, str | None]) -> Iterator[tuple[Answer, SearchPage]]:
    """Yield the pages of messages with all words; without any, those of messages with some of the words."""
    pages = daemon.pages("message.search", SearchPage, limit, **params)
    with daemon.show_job("index", INDEXING):
        first = next(pages)
    if not first[1].hits:
        others = daemon.pages("message.search", SearchPage, limit, match="any", **params)
        if (other := next(others))[1].hits:
            warn("no message contains all words; showing messages that contain some of them")
            first, pages = other, others
    yield first
    yield from pages


def _print_nothing_found(page: SearchPage) -> None:
    """Write that nothing was found to stderr, with what to search for instead.

    A terminal also shows the sessions that have the words in their name or summary. They are no rows for a script.
    """
    if page.sessions:
        warn("no message matches, but the name or summary of a session does")
        if stdout_is_tty():
            print_sessions(page.sessions, None)
    elif page.suggestions:
        warn(f"nothing found; try: {', '.join(f'segue search {shlex.quote(one)}' for one in page.suggestions)}")
    else:
        warn("nothing found; try fewer words, or `segue grep TEXT` for parts of words")


def _print_page(page: SearchPage) -> None:
    for hit in page.hits:
        if stdout_is_tty():
            echo(heading(hit, f"#{hit.message_id} {hit.role}  ", COLORS[hit.role]))
            echo(snippet(hit))
        else:
            named = [hit.working_dir or "", hit.session_name or "", MARKS.sub(r"\1", hit.snippet)]
            echo_tsv([str(hit.message_id), hit.session_id, hit.role, hit.created_at, *named])
