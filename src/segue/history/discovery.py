"""The items to import: those of each tool on this machine, or below the paths that a person names."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from segue.history.importer import Source
from segue.history.reader import Counting, Reader, open_regular
from segue.runtime.place import wire_path

TRIED_ITEMS = 5
"""Items of a path that are read to see whether a reader finds a session in them."""


class Found(NamedTuple):
    """The items below one root of a tool; `problem` says why the root cannot be listed."""

    reader: Reader
    root: Path
    items: list[Path]
    problem: str | None

    def sessions(self, problems: list[str]) -> int:
        """Return the number of sessions, as far as it is known without reading all; add what cannot be counted."""
        if not isinstance(self.reader, Counting):
            return len(self.items)
        count = 0
        for item in self.items:
            try:
                count += self.reader.count(item)
            except Exception as error:  # noqa: BLE001 - The class may be another package's.
                problems.append(f"{wire_path(str(item))}: {getattr(error, 'strerror', None) or error}")
        return count

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
    """Yield what is at each path, read by the first reader that finds a session there.

    A path may also be a home folder, a tool's folder in one, or a folder inside of that, of this machine or a copy.
    """
    several = list(readers)
    for path in paths:
        problem = _problem_of(path)
        found = [] if problem else _readable(several, path)
        if path.is_dir() and not problem:
            found += _placed([reader for reader in several if reader not in [one.reader for one in found]], path)
        yield from found or [
            Found(several[0], path, [], problem or _refusal(path) or "no tool's history was found there")
        ]


def sources(found: Iterable[Found]) -> list[Source]:
    """Return the items of all roots."""
    return [Source(one.reader, item) for one in found for item in one.items]


def _found(reader: Reader, root: Path, since_ms: int | None = None) -> Found:
    if problem := _problem_of(root):
        return Found(reader, root, [], problem)
    try:
        items = list(dict.fromkeys(reader.discover(root)))
    except OSError as error:
        return Found(reader, root, [], error.strerror or str(error))
    except Exception as error:  # noqa: BLE001 - The class may be another package's.
        return Found(reader, root, [], f"the reader of {reader.name} failed: {type(error).__name__}: {error}")
    if since_ms is not None:
        items = [item for item in items if (found := _status(item)) and found.st_mtime_ns // 1_000_000 >= since_ms]
    return Found(reader, root, items, None)


def _status(item: Path) -> os.stat_result | None:
    """Return the status of an item, None if it is gone or cannot be reached."""
    try:
        return item.stat()
    except OSError:
        return None


def _problem_of(path: Path) -> str | None:
    """Return why a folder cannot be listed or a file cannot be opened, None if it can."""
    try:
        if path.is_dir():
            os.scandir(path).close()
        else:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        return error.strerror or str(error)
    return None


def _refusal(path: Path) -> str | None:
    """Return why no reader reads a file: it is too large, or no regular one."""
    try:
        if not path.is_dir():
            open_regular(path).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _placed(readers: Iterable[Reader], path: Path) -> Iterator[Found]:
    """Yield what each reader finds below a path if one of its ancestors, or itself, were the home folder."""
    for reader in readers:
        for home in (path, *path.parents):
            for root in reader.roots({}, home, sys.platform):
                if home == root != path or not (root.is_relative_to(path) or path.is_relative_to(root)):
                    continue
                found = _found(reader, root)
                if items := [item for item in found.items if item.is_relative_to(path)]:
                    yield found._replace(items=items)


def _readable(readers: Iterable[Reader], path: Path) -> list[Found]:
    """Return what the first reader that finds a session finds at a path, [] if none does.

    A few items of each reader are tried, because the first one may be empty.
    """
    for reader in readers:
        found = _found(reader, path)
        items = found.items or ([path] if path.is_file() else [])
        if any(_has_session(reader, item) for item in items[:TRIED_ITEMS]):
            return [found._replace(items=items)]
    return []


def _has_session(reader: Reader, item: Path) -> bool:
    try:
        return any(session.messages for session in reader.read(item).sessions)
    except Exception:  # noqa: BLE001 - The reader met another tool's file.
        return False
