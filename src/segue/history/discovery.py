"""What there is to import: the items of each tool on this machine, or below the paths that a person names."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from segue.history.importer import Source
from segue.history.reader import Reader


class Found(NamedTuple):
    """The items below one root of a tool; `problem` says why the root cannot be listed."""

    reader: Reader
    root: Path
    items: list[Path]
    problem: str | None

    def size(self) -> int:
        """Return the bytes of the items that are still there."""
        return sum(item.stat().st_size for item in self.items if item.exists())


def on_this_machine(readers: Iterable[Reader], since_ms: int | None = None) -> Iterator[Found]:
    """Yield what each tool has at its usual places; with `since_ms`, only items that changed later."""
    for reader in readers:
        for root in reader.roots(os.environ, Path.home(), sys.platform):
            if root.exists():
                yield _found(reader, root, since_ms)


def below(paths: Iterable[Path], readers: Iterable[Reader]) -> Iterator[Found]:
    """Yield what is at each path, read by the first reader that finds a session there."""
    several = list(readers)
    for path in paths:
        yield next((found for reader in several if (found := _readable(reader, path))), Found(
            several[0], path, [], "no tool's history was found there"
        ))  # fmt: skip


def sources(found: Iterable[Found]) -> list[Source]:
    """Return the items of all roots."""
    return [Source(one.reader, item) for one in found for item in one.items]


def _found(reader: Reader, root: Path, since_ms: int | None = None) -> Found:
    try:
        items = list(reader.discover(root))
    except OSError as error:
        return Found(reader, root, [], error.strerror or str(error))
    if since_ms is not None:
        items = [item for item in items if item.exists() and item.stat().st_mtime_ns // 1_000_000 >= since_ms]
    return Found(reader, root, items, None)


def _readable(reader: Reader, path: Path) -> Found | None:
    """Return what the reader finds at a path, None if it finds no session in the first item."""
    found = _found(reader, path)
    items = found.items or ([path] if path.is_file() else [])
    try:
        sessions, _ = reader.read(items[0]) if items else ([], None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None  # The reader met another tool's file.
    return found._replace(items=items) if sessions else None
