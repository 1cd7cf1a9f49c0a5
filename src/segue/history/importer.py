"""Import: read what changed since the last time and send it to the daemon.

1. Each imported session keeps a digest of what was read, in its metadata. It is sent with the last messages, so an
   import that broke off is seen and repeated.
2. A file of states keeps the size and time of each item and the digests of its sessions. An item is not read again if
   it is unchanged and the daemon has all its sessions with the same digests; after a restore it is read again.
3. An item that changed is read, and its sessions with another digest are sent. `session.import` stores what is new,
   changes what differs and leaves the rest. While it follows, the importer keeps the reader's cursor, with which only
   the new lines of a file are read, and sends only the messages that differ from what it sent before.
4. A session that was deleted in segue, or that is older than the retention of imported sessions, is left out.
"""

import stat
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from segue.client import Client
from segue.errors import Conflict, InvalidData, InvalidParams, TooLarge
from segue.history.checking import checked
from segue.history.convert import count_params, params_of, session_params, with_times
from segue.history.lines import Cursors
from segue.history.reader import Reader, Reading
from segue.history.records import HistorySession
from segue.runtime.place import wire_path
from segue.runtime.progress import Progress
from segue.timestamps import timestamp, wall_ms

BATCH_MESSAGES = 80
"""Messages of one request. The daemon stores them in about 2 ms, in which other clients wait."""

BATCH_BYTES = 256 * 2**10
"""Bytes of one request."""

REMEMBERED_SESSIONS = 32
"""Sessions whose messages are remembered, so that a session that grows is not sent again as a whole."""

DIGEST = "import_digest"
"""The member of a session's metadata that holds the digest of what was read."""

DELETED = "deleted in segue; --again imports them"
EXPIRED = "older than import.retention_days"


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


class Counts:
    """The counts of an import so far."""

    def __init__(self) -> None:
        self.items = self.items_unchanged = self.sessions = self.messages = 0
        self.added = self.updated = self.unchanged = 0
        self.skipped: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.problems: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON object."""
        return dict(vars(self)) | {"skipped": dict(self.skipped), "left_out": dict(self.left_out)}


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
        self._digests: dict[str, dict[str, str]] = {}
        """The digests of the sessions that the daemon has, by tool and the tool's id."""
        self._sent: OrderedDict[tuple[str, str], dict[str, int]] = OrderedDict()
        """The hash of each message by key, of the sessions that were sent last."""
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
        try:
            self._import(source)
        except OSError as error:
            return error.strerror or str(error)
        except (ValueError, RecursionError, InvalidData, InvalidParams, TooLarge) as error:
            return str(error)
        return None

    def is_unchanged(self, source: Source) -> bool:
        """Return True if the source is as it was imported, as far as the states tell.

        Raises:
            OSError: the source is gone, or its folder cannot be searched.
        """
        state = self._states.get(wire_path(str(source.path)))
        return state is not None and state.files == _files_of(source.path)

    def sessions_of(self, tool: str) -> int:
        """Return the number of the tool's sessions that the daemon has."""
        return len(self._known(tool))

    def _import(self, source: Source) -> None:
        known, path = self._known(source.reader.name), wire_path(str(source.path))
        files, state = _files_of(source.path), self._states.get(path)
        if (
            state
            and not self.options.again
            and state.files == files
            and all(known.get(id) == digest for id, digest in state.digests.items())
        ):
            self.counts.items_unchanged += 1
            return
        sessions, skipped, cursor = _read(source, self.cursors and self.cursors.take(source.path))
        self.counts.skipped += skipped
        digests: dict[str, str] = {}
        for session in sessions:
            last = _last_time(session)
            if self.options.since is not None and last is not None and last < self.options.since:
                continue
            digest = _digest(session)
            if reason := self._reason_to_leave_out(session.id in known, last):
                self.counts.left_out[reason] += 1
                continue
            self.counts.sessions += 1
            self.counts.messages += sum(map(count_params, session.messages))
            is_new = known.get(session.id) != digest and not self.options.dry_run
            if is_new and not self._send(source.reader.name, path, session, digest):
                self.counts.left_out[DELETED] += 1
                continue
            digests[session.id] = digest
        if not self.options.dry_run and self.options.since is None:
            self._states[path] = ItemState(files, digests)
        if self.cursors is not None:
            self.cursors.keep(source.path, cursor)

    def _reason_to_leave_out(self, is_known: bool, last: str | None) -> str | None:
        retention_ms = self.options.retention_ms
        if is_known or self.options.again or retention_ms is None or last is None:
            return None
        return EXPIRED if last < timestamp(wall_ms() - retention_ms) else None

    def _known(self, tool: str) -> dict[str, str]:
        if tool not in self._digests:
            found: dict[str, str] = {}
            params: dict[str, Any] = {"source": tool, "archived": None, "with_metadata": True, "limit": 1000}
            while True:
                page = self.client.request("session.list", params)
                for session in page["sessions"]:
                    found[session["source"]["id"]] = session["metadata"].get(DIGEST, "")
                if page["next_cursor"] is None:
                    break
                params["cursor"] = page["next_cursor"]
            self._digests[tool] = found
        return self._digests[tool]

    def _send(self, tool: str, path: str, session: HistorySession, digest: str) -> bool:
        """Send what the daemon does not have; return False if the session was deleted there."""
        now = wall_ms()
        source = {"tool": tool, "id": session.id, "path": path}
        about = session_params(session, now)
        sent = self._sent.pop((tool, session.id), {}) if session.id in self._digests[tool] else {}
        hashes: dict[str, int] = {}
        batches = list(_batches(_changed(session, now, sent, hashes)))
        for number, batch in enumerate(batches, 1):
            if number == len(batches):
                about |= {"metadata": about["metadata"] | {DIGEST: digest}}
            params = {"source": source, "session": about, "messages": batch, "restore": self.options.again}
            try:
                result = self.client.request("session.import", params)
            except Conflict:
                return False
            self.counts.added += result["added"]
            self.counts.updated += result["updated"]
            self.counts.unchanged += result["unchanged"]
        self._digests[tool][session.id] = digest
        self._sent[tool, session.id] = hashes
        if len(self._sent) > REMEMBERED_SESSIONS:
            self._sent.popitem(last=False)
        return True


def _read(source: Source, cursor: object) -> Reading:
    """Return what the reader finds.

    Raises:
        OSError: the item cannot be read.
        ValueError: it has another form, also one that the reader does not expect.
    """
    try:
        return checked(source.reader.read(source.path, cursor))
    except (OSError, ValueError, RecursionError):
        raise
    except Exception as error:
        name = source.reader.name
        raise ValueError(f"the reader of {name} does not know its form ({type(error).__name__}: {error})") from error


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


def _changed(session: HistorySession, now: int, sent: dict[str, int], hashes: dict[str, int]) -> Iterator[msgspec.Raw]:
    """Yield the parameters of each message that differs from what was sent; add the hash of every one to `hashes`."""
    for message, at in with_times(session):
        hashes[message.key] = value = hash((msgspec.json.encode(message), at))
        if sent.get(message.key) != value:
            yield from (msgspec.Raw(msgspec.json.encode(params)) for params in params_of(message, at, now))


def _batches(messages: Iterable[msgspec.Raw]) -> Iterator[list[msgspec.Raw]]:
    """Yield the messages in requests of bounded size, one empty request for none."""
    batch: list[msgspec.Raw] = []
    size, sent = 0, False
    for message in messages:
        length = len(memoryview(message))
        if batch and (len(batch) >= BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size, sent = [], 0, True
        batch.append(message)
        size += length
    if batch or not sent:
        yield batch


def _last_time(session: HistorySession) -> str | None:
    return max((message.at for message in session.messages if message.at), default=session.started_at)
