"""The `grep` command: search messages for a pattern, line by line."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import click

from segue.cli.daemon_client import DaemonClient, json_option, pass_daemon
from segue.cli.groups import command, parse_time
from segue.cli.output.hits import heading
from segue.cli.output.terminal import (
    BadInput,
    echo,
    echo_json,
    escape_controls,
    set_color,
    stdout_is_tty,
    styled,
    warn,
)
from segue.cli.session_lookup import find_session, place_filter
from segue.client.json_values import replace_surrogates
from segue.client.protocol import Answer
from segue.errors import NotFound
from segue.models import Message
from segue.results import SearchHit, SearchPage
from segue.workflows.grep import Line, compile_pattern, cut, matching_lines

PAGE_HITS = 200
"""Messages: the size of one request. It is the largest that the daemon accepts."""

NAME_CELLS = 12
"""Cells: the least width of a session's name in a heading."""

LINE_CHARS = 500
"""Characters: the part of a long line that a terminal gets."""


class Match(NamedTuple):
    """A message with its lines that match."""

    hit: SearchHit
    lines: list[Line]


@command(
    examples=[
        "segue grep 'EAGAIN.*retry'",
        "segue grep -i --here 'todo:? '",
        "segue grep -F 'foo(bar)[0]' --since 7d",
        "segue grep -l nginx",
    ]
)
@click.argument("patterns", metavar="PATTERN", nargs=-1, required=True)
@click.option("-i", "--ignore-case", is_flag=True, help="Ignore the difference between upper and lower case.")
@click.option("-F", "--fixed-strings", "is_fixed", is_flag=True, help="PATTERN is plain text.")
@click.option("-w", "--word-regexp", "whole_words", is_flag=True, help="Only matches of whole words.")
@click.option("-l", "--sessions", "only_sessions", is_flag=True, help="Print only the IDs of the sessions.")
@click.option("-c", "--count", "only_counts", is_flag=True, help="Print only the number of lines of each session.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Maximum number of messages.")
@click.option("--here", "only_here", is_flag=True, help="Only sessions of the current directory.")
@click.option("--dir", "directory", metavar="PATH", help="Only sessions of this directory.")
@click.option("--project", metavar="PATH", help="Only sessions of the project with this root.")
@click.option("--session", metavar="ID", help="Only this session.")
@click.option("--source", metavar="TOOL", help='Only sessions imported from this tool; "" for all others.')
@click.option("--role", type=click.Choice(["user", "assistant", "system", "tool"]), help="Only messages of this role.")
@click.option("--bot", metavar="ID", help="Only sessions of this bot.")
@click.option("--since", callback=parse_time, metavar="TIME", help="Earliest time: an age (30m, 12h, 7d) or a date.")
@click.option("--until", callback=parse_time, metavar="TIME", help="Latest time: an age (30m, 12h, 7d) or a date.")
@click.option("--color", type=click.Choice(["always", "never", "auto"]), default="auto", help="When to use colors.")
@json_option
@pass_daemon
def grep(
    daemon: DaemonClient,
    *,
    patterns: tuple[str, ...],
    ignore_case: bool,
    is_fixed: bool,
    whole_words: bool,
    only_sessions: bool,
    only_counts: bool,
    limit: int | None,
    only_here: bool,
    directory: str | None,
    project: str | None,
    session: str | None,
    source: str | None,
    role: str | None,
    bot: str | None,
    since: str | None,
    until: str | None,
    color: str,
    as_json: bool,
) -> int:
    """Print the lines of messages that match a pattern.

    PATTERN is a Python regular expression. It is matched with each line of the text, and of the strings in tool
    calls and results, the newest message first. Unlike `segue search`, grep reads every message, so it takes longer.
    Exit status 1 if nothing matches.

    A terminal shows the lines below their session, each after its message ID. A pipe gets SESSION:MESSAGE:LINE. --json
    prints the daemon's results, which have a snippet instead of lines.
    """
    set_color(color)
    pattern = _pattern(patterns, is_fixed=is_fixed, ignore_case=ignore_case, whole_words=whole_words)
    daemon.disable_timeout()
    params = {
        "query": pattern.pattern,
        "limit": None if limit is None else min(limit, PAGE_HITS),
        "match": "regex",
        "session_id": None if session is None else find_session(daemon, session).id,
        "working_dir": None if directory is None else os.path.realpath(directory),
        "project": None if project is None else os.path.realpath(project),
        "source": source,
        "bot_id": bot,
        "role": role,
        "since": since,
        "until": until,
        **(place_filter(daemon) if only_here else {}),
    }
    pages = daemon.pages("message.search", SearchPage, limit if as_json else None, count=False, **params)
    if as_json:
        return 0 if sum(_print_json(response, page) for response, page in pages) else 1
    matches = islice(_matches(daemon, (hit for _, page in pages for hit in page.hits), pattern), limit)
    printed = _print_sessions if only_sessions else _print_counts if only_counts else _print_lines
    found = printed(matches)
    if not found and stdout_is_tty():
        warn("nothing found; `segue search` finds words in any order")
    return 0 if found else 1


def _pattern(patterns: tuple[str, ...], *, is_fixed: bool, ignore_case: bool, whole_words: bool) -> re.Pattern[str]:
    if len(patterns) > 1:
        raise click.UsageError("too many arguments; quote a pattern that contains spaces")
    given = replace_surrogates(patterns[0])
    if not given:
        raise click.UsageError("the pattern is empty")
    if "\n" in given:
        raise click.UsageError("the pattern has several lines; a pattern is matched with each line alone")
    try:
        return compile_pattern(given, is_fixed=is_fixed, ignore_case=ignore_case, whole_words=whole_words)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadInput(f"{given!r} is not a regular expression: {error}; -F searches for it as plain text") from None


def _matches(daemon: DaemonClient, hits: Iterator[SearchHit], pattern: re.Pattern[str]) -> Iterator[Match]:
    """Yield the messages with a line that matches. The daemon also finds matches that span lines."""
    for hit in hits:
        try:
            message = daemon.call("message.get", Message, message_id=hit.message_id)
        except NotFound:  # Deleted meanwhile
            continue
        if lines := [*matching_lines(message, pattern)]:
            yield Match(hit, lines)


def _print_json(response: Answer, page: SearchPage) -> int:
    if page.hits:
        echo_json(response.raw())
    return len(page.hits)


def _print_sessions(matches: Iterator[Match]) -> int:
    seen: set[str] = set()
    for hit, _ in matches:
        if hit.session_id not in seen:
            seen.add(hit.session_id)
            echo(heading(hit) if stdout_is_tty() else hit.session_id)
            sys.stdout.flush()  # Because a scan of many messages takes seconds
    return len(seen)


def _print_counts(matches: Iterator[Match]) -> int:
    counts: Counter[str] = Counter()
    for hit, lines in matches:
        counts[hit.session_id] += len(lines)
    for session_id, count in counts.items():
        echo(f"{styled(session_id, fg='magenta')}:{count}")
    return len(counts)


def _print_lines(matches: Iterator[Match]) -> int:
    last, found = None, 0
    for hit, lines in matches:
        if stdout_is_tty() and hit.session_id != last:
            echo(heading(hit) if last is None else f"\n{heading(hit, '', 'magenta')}")
        last, found = hit.session_id, found + 1
        session, id = styled(hit.session_id, fg="magenta"), styled(str(hit.message_id), fg="green")
        for line in lines:
            if stdout_is_tty():
                echo(f"{id}:{_marked(cut(line, LINE_CHARS))}")
            else:
                echo(f"{session}:{id}:{_marked(line)}")
        sys.stdout.flush()
    return found


def _marked(line: Line) -> str:
    """Return the line with its matches in color; a terminal gets its control characters escaped."""
    show = escape_controls if stdout_is_tty() else str
    pieces, at = [], 0
    for start, end in line.spans:
        pieces += [show(line.text[at:start]), styled(show(line.text[start:end]), fg="red", bold=True)]
        at = end
    return "".join([*pieces, show(line.text[at:])])
