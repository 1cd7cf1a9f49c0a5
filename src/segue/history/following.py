"""Follow: import what changes within 2 seconds, without end.

1. Folders of tools are watched. A path that changed leads to its item: the file itself, the database of a WAL, or the
   folder that is read as one. Any other path makes the importer list that folder again.
2. Single files, and files in the home folder, which is too large to be watched, are looked at in every tick.
3. A folder that appears, vanishes or is replaced begins a new round, in which everything is listed.
4. What cannot be imported is tried again when it changes, and after each listing.
5. Each listing is followed by a pause of a hundred times its duration, so that an idle importer takes 1 % of a CPU.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

from segue.history.discovery import Found
from segue.history.importer import Importer, Source
from segue.history.lines import Cursors
from segue.history.watching import Pace, Watcher
from segue.runtime.place import wire_path
from segue.timestamps import timestamp, wall_ms

LOOK_SECONDS = 60.0
"""Seconds between two listings of everything."""

SAVE_SECONDS = 10.0
"""Seconds between two changes of the file of states."""

IDLE_SHARE = 0.01
"""The share of a CPU that listings take when nothing changes."""

BUSY_SHARE = 0.1
"""The share of a CPU that listings take, and the reading of one item that changes all the time."""

SLOW_SECONDS = 0.02
"""Seconds: the duration of a read above which the next one of that item waits."""

LONGEST_WAIT = 1.0
"""Seconds that the next read of an item waits at most."""

REPORT_SECONDS = 0.5
"""Seconds between two reports during a long import."""

SHOWN_ERRORS = 5
"""Errors of a tool in the report."""

COMPANIONS = ("-wal", "-journal", "-shm")
"""Endings of the files that SQLite keeps beside a database."""


class Follower:
    """The import of everything that changes."""

    def __init__(
        self,
        importer: Importer,
        roots: Callable[[], Iterable[Path]],
        find: Callable[[], Iterable[Found]],
        *,
        save: Callable[[], None],
        report: Callable[[dict[str, Any]], None] = lambda _: None,
        stop: Event | None = None,
    ) -> None:
        self._importer = importer
        importer.cursors = Cursors()
        self._roots = roots
        self._find = find
        self._save = save
        self._report = report
        self.stop = stop or Event()
        self._items: dict[Path, Source] = {}
        self._looked_at: list[Source] = []
        """The sources that are looked at in every tick."""
        self._tools: dict[str, dict[str, Any]] = {}
        self._errors: dict[str, dict[str, str]] = {}
        """The errors of each tool by path."""
        self._watcher = Watcher([], self.stop)
        self._listing = Pace()
        self._listing_due = False
        self._slow: dict[Path, float] = {}
        """The time from which an item may be read again, of those that took long."""
        self._waiting: dict[Path, Source] = {}
        self._saving = Pace()
        self._reporting = Pace()
        self._unsaved = False
        self._started = wall_ms()

    def run(self) -> None:
        """Import until `stop` is set."""
        while not self.stop.is_set():
            watched = [root for root in self._roots() if not Path.home().is_relative_to(root)]
            self._watcher = Watcher(watched, self.stop)
            changes = self._watcher.changes()
            next(changes, None)  # The folders are watched from here on, so nothing is missed after the listing.
            self._look()
            self._save_if_due()
            for changed in changes:
                self._take(changed, watched)

    def _take(self, changed: set[Path] | None, watched: list[Path]) -> None:
        """Import what changed in a tick."""
        sources = {source.path: source for source in self._looked_at} | self._waiting
        for path in changed or ():
            source = self._item_of(path, watched)
            if source is None:
                self._listing_due = True
            else:
                sources[source.path] = source
        self._import([source for source in sources.values() if not self._is_unchanged(source)])
        if (
            self._listing.is_due(IDLE_SHARE, LOOK_SECONDS)
            or (self._listing_due and self._listing.is_due(BUSY_SHARE, 0))
            or (changed is None and self._listing.is_due(IDLE_SHARE, 1))
        ):
            self._look()
        self._save_if_due()

    def _item_of(self, path: Path, watched: list[Path]) -> Source | None:
        """Return the known item that a changed path belongs to."""
        for ending in COMPANIONS:
            if path.name.endswith(ending):
                path = path.with_name(path.name.removesuffix(ending))
        for candidate in (path, *path.parents):
            if candidate in self._items:
                return self._items[candidate]
            if candidate in watched:
                return None
        return None

    def _look(self) -> None:
        """List everything and import what is not as it was imported."""
        self._listing.begin()
        self._listing_due = False
        self._errors.clear()
        self._importer.retry_failed()
        self._items.clear()
        self._looked_at.clear()
        home = Path.home()
        for found in self._find():
            self._note_tool(found.reader.name)
            if found.problem is not None:
                self._note(found.reader.name, found.problem, found.root)
            for path in found.items:
                self._items[path] = Source(found.reader, path)
            if home.is_relative_to(found.root) or not found.root.is_dir():
                self._looked_at += [self._items[path] for path in found.items]
        changed = [source for source in self._items.values() if not self._is_unchanged(source)]
        self._listing.end()
        self._import(changed)
        self._send_report()

    def _is_unchanged(self, source: Source) -> bool:
        try:
            return self._importer.is_unchanged(source)
        except FileNotFoundError:
            return True  # It vanished, which deletes nothing.
        except OSError:
            return False  # The import says why.

    def _import(self, changed: list[Source]) -> None:
        for source in changed:
            if self.stop.is_set():
                return
            self._waiting.pop(source.path, None)
            begun = time.monotonic()
            if begun < self._slow.get(source.path, 0):
                self._waiting[source.path] = source
                continue
            name = source.reader.name
            problem = self._importer.run_one(source)
            self._unsaved = True
            self._errors.setdefault(name, {}).pop(wire_path(str(source.path)), None)
            if problem is None:
                self._note_seen(name, source.path)
            else:
                self._note(name, problem, source.path)
            if (took := time.monotonic() - begun) > SLOW_SECONDS:
                self._slow[source.path] = begun + took + min(took / BUSY_SHARE, LONGEST_WAIT)
            if self._reporting.is_due(BUSY_SHARE, REPORT_SECONDS):
                self._send_report()
            self._save_if_due()
        if changed:
            self._send_report()

    def _note_tool(self, tool: str) -> dict[str, Any]:
        return self._tools.setdefault(tool, {"last_seen_at": None, "lag_ms": None})

    def _note_seen(self, tool: str, path: Path) -> None:
        """Note when a change of a tool was imported, and how long after it was written."""
        now = wall_ms()
        self._note_tool(tool)["last_seen_at"] = timestamp(now)
        with suppress(OSError):
            written = path.stat().st_mtime_ns // 1_000_000
            if written >= self._started:
                self._note_tool(tool)["lag_ms"] = max(0, now - written)

    def _note(self, tool: str, problem: str, path: Path) -> None:
        self._errors.setdefault(tool, {})[wire_path(str(path))] = problem

    def _send_report(self) -> None:
        self._reporting.begin()
        self._report({tool: self._state_of(tool) for tool in self._tools})
        self._reporting.end()

    def _state_of(self, tool: str) -> dict[str, Any]:
        problem = self._watcher.problem
        errors = [] if problem is None else [problem]
        errors += [f"{path}: {text}" for path, text in self._errors.get(tool, {}).items()]
        return {
            "sessions": self._importer.sessions_of(tool),
            **self._tools[tool],
            "errors": errors[:SHOWN_ERRORS],
            "error_count": len(errors),
        }

    def _save_if_due(self) -> None:
        if self._unsaved and self._saving.is_due(IDLE_SHARE, SAVE_SECONDS):
            self._saving.begin()
            self._save()
            self._saving.end()
            self._unsaved = False
