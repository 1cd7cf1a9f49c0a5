"""Import: read what changed since the last time and send it to the daemon.

1. Each imported session keeps a digest of what was read, in its metadata. It is sent with the last messages, so an
   import that broke off is seen and repeated.
2. A file of states keeps the size and time of each item and the digests of its sessions. An item is not read again if
   it is unchanged and the daemon has all its sessions with the same digests; after a restore it is read again.
3. An item that changed is read, and its sessions with another digest are sent. `session.import` stores what is new,
   changes what differs and leaves the rest. While it follows, the importer keeps the reader's cursor, with which only
   the new lines of a file are read, and sends only the messages that differ from what it sent before.
4. A session that was deleted in segue, or that is older than the retention of imported sessions, is left out. So is a
   copy of one that came from another file, such as a document that a tool left behind when it moved to a database.
"""

import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, structs

from segue.client import Client
from segue.errors import Conflict
from segue.history.checking import checked
from segue.history.convert import count_params
from segue.history.importing.counts import Counts
from segue.history.importing.known import Known, fetch_known
from segue.history.importing.rest import restore_memories_of
from segue.history.importing.sending import REFUSED, Origin, Sender
from segue.history.lines import Cursors
from segue.history.reader import Reader, Reading
from segue.history.records import HistorySession
from segue.runtime.place import wire_path
from segue.runtime.progress import Progress
from segue.timestamps import timestamp, wall_ms

DELETED = "deleted in segue; --again imports them"
EXPIRED = "older than import.retention_days"
COPIED = "that another file has too, as new or newer"


class Source(NamedTuple):
    """An item of a tool."""

    reader: Reader
    path: Path


class ItemState(Struct):
    """An item as it was read the last time."""

    files: str
    """Sizes and times of its files."""

    digests: dict[str, str]
    """The digest of each session by the tool's id of it, without those that were left out."""


class Options(NamedTuple):
    """The options that decide what an import stores."""

    dry_run: bool = False
    since: str | None = None
    """The earliest last message."""
    again: bool = False
    """True to read unchanged items too, and to import sessions that were deleted or are past the retention."""
    retention_ms: int | None = None
    """The age in milliseconds at which the daemon deletes imported sessions; None for never."""


DEFAULTS = Options()


class Importer:
    """The import of several items over one connection."""

    def __init__(self, client: Client, states: dict[str, ItemState], options: Options = DEFAULTS) -> None:
        self.counts = Counts()
        self.client = client
        self._states = states
        self.options = options
        self._sender = Sender(client, self.counts, restore=options.again)
        self._sessions: dict[str, dict[str, Known]] = {}
        """The sessions that the daemon has, by tool and the tool's id."""
        self._failed: dict[str, str] = {}
        """The sizes and times of the files of each source whose import failed."""
        self.cursors: Cursors | None = None
        """Set while the importer follows, because items are then read again and again."""

    def run(self, sources: Iterable[Source], progress: Progress) -> None:
        """Import the sources one by one; a problem of one is counted and does not stop the others."""
        for tool, of_tool in groupby(sources, key=lambda source: source.reader.name):
            items = list(of_tool)
            progress.begin(tool, len(items), "files")
            for source in items:
                if (problem := self.run_one(source)) is not None:
                    self.counts.problems.append(f"{wire_path(str(source.path))}: {problem}")
                progress.note = f"{self.counts.messages} messages"
                progress.add()

    def wait_until_searchable(self) -> None:
        """Return when everything that was added can be found, because the first search would have to wait for it."""
        if self.counts.added or self.counts.updated:
            self.client.request("message.search", {"query": "a", "limit": 1, "count": False})

    def run_one(self, source: Source) -> str | None:
        """Import a source, and return the problem if it cannot be read."""
        self.counts.items += 1
        path, files = wire_path(str(source.path)), ""
        self._failed.pop(path, None)
        try:
            files = _files_of(source.path)
            self._import(source, path, files)
        except (OSError, ValueError, RecursionError, *REFUSED) as error:
            self._failed[path] = files
            return getattr(error, "strerror", None) or str(error)
        return None

    def retry_failed(self) -> None:
        """Take no source for unchanged because its import failed before."""
        self._failed.clear()

    def is_unchanged(self, source: Source) -> bool:
        """Return True if the source is as it was imported, as far as the states tell, or as its import failed.

        Raises:
            OSError: the source is gone, or its folder cannot be searched.
        """
        path, files = wire_path(str(source.path)), _files_of(source.path)
        state = self._states.get(path)
        return files == (self._failed.get(path) if state is None or path in self._failed else state.files)

    def sessions_of(self, tool: str) -> int:
        """Return the number of the tool's sessions that the daemon has."""
        return len(self._known(tool))

    def _import(self, source: Source, path: str, files: str) -> None:
        known, state = self._known(source.reader.name), self._states.get(path)
        if (
            state
            and not self.options.again
            and state.files == files
            and all(id in known and known[id].digest == digest for id, digest in state.digests.items())
        ):
            self.counts.items_unchanged += 1
            return
        changed_ms = min(source.path.stat().st_mtime_ns // 1_000_000, wall_ms())
        origin = Origin(source.reader.name, path, timestamp(changed_ms))
        reading = _read(source, self.cursors and self.cursors.take(source.path))
        refused: list[str] = []
        try:
            digests = self._take(reading.sessions, origin, refused)
        finally:
            self.counts.skipped += reading.skipped
        if not self.options.dry_run and self.options.since is None and not refused:
            self._states[path] = ItemState(files, digests)
        if self.cursors is not None:
            self.cursors.keep(source.path, reading.cursor)
        if refused:
            more = f" and {len(refused) - 1} more sessions" if len(refused) > 1 else ""
            raise ValueError(f"{refused[0]}{more}")

    def _take(self, sessions: Iterable[HistorySession], origin: Origin, refused: list[str]) -> dict[str, str]:
        """Import the sessions; return the digests of those that the daemon has, and add the problems to `refused`."""
        known, digests = self._known(origin.tool), dict[str, str]()
        is_changed, remembered = False, list[tuple[HistorySession, str]]()
        for session in sessions:
            last = _last_time(session) or origin.changed_at
            if self.options.since is not None and last < self.options.since:
                continue
            if reason := self._reason_to_leave_out(known.get(session.id), origin.path, last):
                self.counts.left_out[reason] += 1
                continue
            self.counts.sessions += 1
            self.counts.messages += sum(map(count_params, session.messages))
            try:
                digests[session.id], is_sent = self._send(origin, session, last)
                is_changed |= is_sent
                if session.memories and (stored := known.get(session.id)):
                    remembered.append((structs.replace(session, messages=[]), stored.session_id))
            except Conflict:
                self.counts.left_out[DELETED] += 1
            except REFUSED as error:
                refused.append(f"session {wire_path(session.id)}: {error}")
        if is_changed:  # All of them, because one of a changed session may supersede one of another.
            restore_memories_of(self.client, remembered)
        return digests

    def _send(self, origin: Origin, session: HistorySession, last: str) -> tuple[str, bool]:
        """Send the session unless the daemon has it as it is, and return its digest, and True if it was sent.

        Raises:
            Conflict: it was deleted in the daemon.
            InvalidData, InvalidParams, TooLarge: the daemon refuses it.
        """
        known, digest = self._known(origin.tool), _digest(session)
        before = known.get(session.id)
        if before is not None and before.digest == digest:
            return digest, False
        session_id = ""
        if not self.options.dry_run:
            session_id = self._sender.send(origin, session, digest, is_known=before is not None)
        known[session.id] = Known(digest, origin.path, max(last, before.last_at if before else ""), session_id)
        return digest, not self.options.dry_run

    def _reason_to_leave_out(self, known: Known | None, path: str, last: str) -> str | None:
        if known is not None:
            return COPIED if known.is_elsewhere(path, last) else None
        retention_ms = self.options.retention_ms
        if self.options.again or retention_ms is None:
            return None
        return EXPIRED if last < timestamp(wall_ms() - retention_ms) else None

    def _known(self, tool: str) -> dict[str, Known]:
        if tool not in self._sessions:
            self._sessions[tool] = fetch_known(self.client, tool)
        return self._sessions[tool]


def _read(source: Source, cursor: object) -> Reading:
    """Return what the reader finds; its sessions are read while they are iterated.

    Raises:
        OSError: the item cannot be read.
        ValueError: it has another form, also one that the reader does not expect.
    """
    with _known_form(source.reader):
        reading = source.reader.read(source.path, cursor)
    return reading._replace(sessions=_each(source.reader, reading))


def _each(reader: Reader, reading: Reading) -> Iterator[HistorySession]:
    with _known_form(reader):
        yield from checked(reading)


@contextmanager
def _known_form(reader: Reader) -> Iterator[None]:
    """Raise ValueError for an error that the reader does not expect."""
    try:
        yield
    except (OSError, ValueError, RecursionError):
        raise
    except Exception as error:
        problem = f"the reader of {reader.name} does not know its form ({type(error).__name__}: {error})"
        raise ValueError(problem) from error


def _files_of(path: Path) -> str:
    """Return the sizes and times of an item's files; a WAL beside a database is one of them.

    Raises:
        OSError: it is gone, or neither a file nor a folder.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise OSError("neither a file nor a folder")
    status = [found]
    with suppress(FileNotFoundError):
        status.append(Path(f"{path}-wal").stat())
    return "+".join(f"{one.st_ino}-{one.st_size}-{one.st_mtime_ns}" for one in status)


def _digest(session: HistorySession) -> str:
    return blake2b(msgspec.json.encode(session), digest_size=16).hexdigest()


def _last_time(session: HistorySession) -> str | None:
    return max((message.at for message in session.messages if message.at), default=session.started_at)
