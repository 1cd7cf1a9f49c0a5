"""The `import` command."""

import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from segue.cli.commands.keep.import_follow import follow
from segue.cli.daemon_client import DaemonClient, pass_daemon
from segue.cli.groups import command, parse_time
from segue.cli.output.cells import cut_start, width
from segue.cli.output.progress import ProgressDisplay
from segue.cli.output.session_table import short_directory
from segue.cli.output.terminal import FAILED, Failure, echo, echo_json, echo_tsv, escape_line, size, stdout_is_tty, warn
from segue.runtime.place import wire_path
from segue.runtime.progress import Progress
from segue.timestamps import milliseconds

if TYPE_CHECKING:
    from segue.history.discovery import Found
    from segue.history.importer import Importer
    from segue.history.importing.counts import Counts
    from segue.history.reader import Reader

RETRY_SECONDS = 60.0
"""Seconds that an import waits for a daemon that restarts; an upgrade may have to change a large database."""

OWN = "segue"
"""The tool name of segue's own exports."""

WIDE_COLUMNS = 60
"""Columns of a terminal on which --list shows sizes."""

SHOWN_PROBLEMS = 20
"""Lines. `--json` has all problems."""


AFTER_INTERRUPT = "what was imported is stored; run it again for the rest"
INDEXES = "everything is imported; segued continues to index it"
"""The texts printed after Ctrl-C."""


@command(
    "import",
    examples=[
        "segue import --list",
        "segue import",
        "segue import claude codex --since 30d",
        "segue import ~/Downloads/chatgpt.zip",
    ],
)
@click.argument("what", metavar="[TOOL | PATH]...", nargs=-1)
@click.option("--list", "only_list", is_flag=True, help="List tools, sessions, sizes and folders; import nothing.")
@click.option("--since", callback=parse_time, metavar="TIME", help="Earliest last message: an age (7d) or a date.")
@click.option("--dry-run", is_flag=True, help="Read everything and report; store nothing.")
@click.option("--again", is_flag=True, help="Also import sessions that were deleted in segue.")
@click.option("--follow", "following", is_flag=True, help="Continue to import what changes, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts, or the list, as JSON.")
@click.option("--supervised", is_flag=True, hidden=True, help="Report to the daemon, and end when it ends.")
@pass_daemon
def import_(
    daemon: DaemonClient,
    *,
    what: tuple[str, ...],
    only_list: bool,
    since: str | None,
    dry_run: bool,
    again: bool,
    following: bool,
    as_json: bool,
    supervised: bool,
) -> int:
    """Import the conversations of other AI tools.

    Without arguments, every tool that has a history on this machine is imported. TOOL is one of the names that --list
    prints, PATH a file or folder of any of them, such as a home folder of another machine, a data export of ChatGPT or
    Claude.ai, or JSON Lines that `segue export` wrote.

    Import again as often as you like: only what is new or changed is stored, and nothing is deleted when a tool deletes
    its own files. A session that you deleted in segue does not come back, unless you name its PATH or pass --again.
    Imported sessions are never continued by a directory; `segue open` continues them in their own tool.
    """
    from segue.history import discovery, states
    from segue.history.importer import Importer, Options

    tools, paths = _select(what)

    def find() -> "Iterable[Found]":
        return _find(tools, paths, since)

    def save() -> None:
        if not dry_run:
            states.save(state_file, daemon.paths.database, known)

    exports, paths = _split_exports(paths)
    found = list(find())
    if only_list:
        return _print_list(found, as_json=as_json)
    state_file = states.path_of()
    known = states.load(state_file, daemon.paths.database)
    retention_ms = daemon.paths.config.import_.retention_ms
    options = Options(dry_run=dry_run, since=since, again=again or bool(paths), retention_ms=retention_ms)
    daemon.autostart = not supervised
    daemon.disable_timeout()
    daemon.client.retry_seconds = 0 if supervised else RETRY_SECONDS
    importer = Importer(daemon.client, known, options)
    try:
        if following:
            roots = [*paths, *(root for _, root in discovery.roots(tools))]
            _follow(importer, roots, find, save, supervised=supervised)
        else:
            _run(daemon, importer, found, exports, quiet=as_json)
    finally:
        save()
    importer.counts.problems += [f"{wire_path(str(one.root))}: {one.problem}" for one in found if one.problem]
    if as_json:
        echo(msgspec.json.encode(importer.counts.as_dict()).decode())
    else:
        is_there = importer.counts.items or importer.counts.problems
        _print_counts(importer.counts, dry_run=dry_run, nothing="nothing to import" if is_there else _none_of(tools))
    return FAILED if importer.counts.problems else 0


def _select(what: Iterable[str]) -> "tuple[list[Reader], list[Path]]":
    """Return the tools and the paths that were named; all tools if nothing was named."""
    from segue.history.registry import readers

    known = readers()
    tools = [known[word] for word in what if word in known]
    words = [word for word in what if word not in known and word != OWN]
    if OWN in what and not words:
        raise click.UsageError("name the file of an export: segue import sessions.jsonl")
    paths = [Path(word).expanduser().absolute() for word in words]
    for word, path in zip(words, paths, strict=True):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            raise click.UsageError(_unknown(word, known)) from None
        except OSError as error:
            raise Failure(f"cannot read {escape_line(str(path))}: {error.strerror}") from None
    return tools if tools or paths else list(known.values()), paths


def _none_of(tools: "list[Reader]") -> str:
    tool = tools[0].name if len(tools) == 1 else "another tool"
    return f"no history of {tool} found; name a file or folder: segue import PATH"


def _unknown(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, [*known, OWN], 1)
    help = f"did you mean {near[0]}?" if near else f"the tools are {', '.join(sorted([*known, OWN]))}"
    return f"{wire_path(word)!r} is neither a tool nor a path; {help}"


def _split_exports(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files that `segue export` wrote, and the paths of other tools."""
    from segue.history.restoring import exports_in

    exports: list[Path] = []
    others: list[Path] = []
    for path in paths:
        try:
            found = exports_in(path)
        except OSError as error:
            raise Failure(f"cannot read {path}: {error.strerror or error}") from None
        exports += found
        others += [] if found else [path]
    return exports, others


def _find(tools: "list[Reader]", paths: list[Path], since: str | None) -> "Iterable[Found]":
    from segue.history import discovery
    from segue.history.registry import readers

    yield from discovery.on_this_machine(tools, milliseconds(since) if since is not None else None)
    yield from discovery.below(paths, tools or readers().values())


def _run(daemon: DaemonClient, importer: "Importer", found: "list[Found]", exports: list[Path], *, quiet: bool) -> None:
    """Import the sources, then segue's own exports, and wait until all can be found."""
    from segue.history import discovery
    from segue.history.restoring import Restorer

    restorer = Restorer(importer.client, importer.counts, dry_run=importer.options.dry_run)
    with ProgressDisplay(Progress("import"), AFTER_INTERRUPT, quiet=quiet) as display:
        importer.run(discovery.sources(found), display.progress)
        restorer.run(exports, display.progress)
    with daemon.show_job("index", INDEXES, quiet=quiet):
        importer.wait_until_searchable()


def _follow(
    importer: "Importer",
    roots: list[Path],
    find: "Callable[[], Iterable[Found]]",
    save: Callable[[], None],
    *,
    supervised: bool,
) -> None:
    try:
        follow(importer, lambda: roots, find, save, supervised=supervised)
    except KeyboardInterrupt:
        _print_counts(importer.counts, dry_run=importer.options.dry_run, nothing="nothing changed")
        sys.stdout.flush()
        raise


def _print_list(found: "list[Found]", *, as_json: bool) -> int:
    """Print a row for each root; on a terminal without the roots in which nothing was found."""
    problems: list[str] = []
    rows = [(one, one.sessions(problems)) for one in found]
    for problem in problems:
        warn(escape_line(problem))
    if as_json:
        keys = ("tool", "sessions", "bytes", "root", "problem")
        values = ((one.reader.name, count, one.size(), wire_path(str(one.root)), one.problem) for one, count in rows)
        echo_json(msgspec.json.encode([dict(zip(keys, row, strict=True)) for row in values]))
    elif stdout_is_tty():
        _print_table([(one, count) for one, count in rows if one.items or one.problem])
    else:
        for one, count in rows:
            echo_tsv([one.reader.name, str(count), str(one.size()), wire_path(str(one.root)), one.problem or ""])
    return FAILED if problems or any(one.problem for one in found) else 0


def _print_table(rows: "list[tuple[Found, int]]") -> None:
    if not rows:
        echo(_none_of([]))
        return
    columns = shutil.get_terminal_size().columns
    is_wide = columns >= WIDE_COLUMNS
    echo(f"{'tool':<11} {'sessions':>8}" + (f" {'size':>10}" if is_wide else "") + "  where")
    for one, count in rows:
        where = escape_line(short_directory(str(one.root)))
        if one.problem is None:
            row = f"{one.reader.name:<11} {count:>8}" + (f" {size(one.size()):>10}" if is_wide else "")
            echo(f"{row}  {cut_start(where, columns - width(row) - 2)}")
        else:
            echo(f"{one.reader.name:<11} {where}: {one.problem}")


def _print_counts(counts: "Counts", *, dry_run: bool, nothing: str = "nothing to import") -> None:
    for problem in counts.problems[:SHOWN_PROBLEMS]:
        warn(escape_line(problem))
    if len(counts.problems) > SHOWN_PROBLEMS:
        warn(f"and {len(counts.problems) - SHOWN_PROBLEMS} more problems; see --json")
    for reason, count in sorted(counts.skipped.items()):
        warn(f"skipped {count} × {reason}")
    for reason, count in sorted(counts.left_out.items()):
        warn(f"left out {_several(count, 'session')} {reason}")
    sessions, files = _several(counts.sessions, "session"), _several(counts.items_unchanged, "file")
    if dry_run and counts.sessions:
        echo(f"would import {sessions} with {_several(counts.messages, 'message')}")
        return
    several = {
        f"{sessions} read": counts.sessions,
        f"{_several(counts.added, 'message')} added": counts.added,
        f"{counts.updated} updated": counts.updated,
        f"{counts.unchanged} unchanged": counts.unchanged,
        f"{files} unchanged": counts.items_unchanged,
    }
    echo(", ".join(text for text, count in several.items() if count) or nothing)


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
