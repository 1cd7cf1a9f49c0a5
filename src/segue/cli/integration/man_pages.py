"""The man pages, built from the topics of the manual."""

import os
from pathlib import Path
from typing import NamedTuple

from segue import __version__
from segue.cli.integration.roff import escape, to_roff
from segue.cli.integration.unit_files import Unit
from segue.manual import read_topic


class Page(NamedTuple):
    """A man page."""

    name: str
    section: int
    summary: str
    synopsis: str
    topics: tuple[str, ...]


PAGES = (
    Page(
        "segue",
        1,
        "store and continue conversations with AI assistants",
        "segue [OPTIONS] COMMAND [ARGS]...",
        ("quickstart", "concepts", "commands", "errors"),
    ),
    Page(
        "segued",
        1,
        "the daemon of segue",
        "segued [--socket PATH] [--database PATH] [--config PATH] [--log-level LEVEL] [--version]",
        ("daemon", "backup", "privacy", "limits"),
    ),
    Page("segue.toml", 5, "the configuration of segue", "~/.config/segue/config.toml", ("configuration",)),
    Page("segue-protocol", 7, "the JSON-RPC protocol of segued", "", ("protocol", "methods", "events", "errors")),
)


def man_folder() -> Path:
    """Return the folder in which `man` looks for the pages of programs in ~/.local/bin."""
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if data.startswith("/") else Path.home() / ".local" / "share") / "man"


def man_pages() -> list[Unit]:
    """Return each page with its path."""
    return [Unit(man_folder() / f"man{page.section}" / f"{page.name}.{page.section}", text_of(page)) for page in PAGES]


def text_of(page: Page) -> str:
    """Return the roff text of a page."""
    head = [f'.TH {page.name.upper()} {page.section} "" "segue {__version__}"']
    head += [".SH NAME", f"{escape(page.name)} \\- {escape(page.summary)}"]
    if page.synopsis:
        head += [".SH SYNOPSIS", escape(page.synopsis)]
    others = ", ".join(f"\\fB{escape(other.name)}\\fR({other.section})" for other in PAGES if other != page)
    return "\n".join(
        [*head, *(to_roff(read_topic(topic)).rstrip() for topic in page.topics), ".SH SEE ALSO", others, ""]
    )


def commands_to_read() -> list[str]:
    """Return what to run to read the pages; `man` derives its folders from PATH."""
    programs = os.environ.get("PATH", "").split(":")
    if any(Path(folder).parent / "share" / "man" == man_folder() for folder in programs if folder):
        return ["man segue"]
    return [f'export MANPATH="{man_folder()}:$MANPATH"', "man segue"]
