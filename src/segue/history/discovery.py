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
        return sum(found.st_size for item in self.items if (found := _status(item)))


def roots(readers: Iterable[Reader]) -> list[tuple[Reader, Path]]:
    """Return the usual places of each tool on this machine; they need not exist."""
    return [(reader, root) for reader in readers for root in reader.roots(os.environ, Path.home(), sys.platform)]


def on_this_machine(readers: Iterable[Reader], since_ms: int | None = None) -> Iterator[Found]:
    """Yield what each tool has at its usual places; with `since_ms`, only items that changed later."""
    for reader, root in roots(readers):
        try:
            root.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield Found(reader, root, [], error.strerror or str(error))
            continue
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
        if root.is_dir():
            os.scandir(root).close()  # Path.glob finds nothing in a folder that it may not read.
        items = list(reader.discover(root))
    except OSError as error:
        return Found(reader, root, [], error.strerror or str(error))
    if since_ms is not None:
        items = [item for item in items if (found := _status(item)) and found.st_mtime_ns // 1_000_000 >= since_ms]
    return Found(reader, root, items, None)


def _status(item: Path) -> os.stat_result | None:
    """Return the status of an item, None if it is gone or cannot be reached."""
    try:
        return item.stat()
    except OSError:
        return None


def _readable(reader: Reader, path: Path) -> Found | None:
    """Return what the reader finds at a path, None if it finds no session in the first item."""
    found = _found(reader, path)
    items = found.items or ([path] if path.is_file() else [])
    try:
        sessions, _ = reader.read(items[0]) if items else ([], None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None  # The reader met another tool's file.
    return found._replace(items=items) if sessions else None
