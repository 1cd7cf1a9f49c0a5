"""Import: read what changed since the last time and send it to the daemon.

1. Each imported session keeps a digest of what was read, in its metadata. It is sent with the last messages, so an
   import that broke off is seen and repeated.
2. A file of states keeps the size and time of each item and the digests of its sessions. An item is not read again if
   it is unchanged and the daemon has all its sessions with the same digests; after a restore it is read again.
3. An item that changed is read whole, and of its sessions those with another digest are sent whole. `session.import`
   stores what is new, changes what differs and leaves the rest.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from segue.client import Client
from segue.history.convert import message_params, session_params
from segue.history.reader import Reader
from segue.history.records import HistorySession
from segue.timestamps import wall_ms

BATCH_MESSAGES = 1000
"""Messages of one request, the limit of `session.import`."""

BATCH_BYTES = 4 * 2**20
"""Bytes of one request. A quarter of the daemon's limit for a line, so that other clients need not wait."""

DIGEST = "import_digest"
"""The member of a session's metadata that holds the digest of what was read."""


class Source(NamedTuple):
    """An item of a tool."""

    reader: Reader
    path: Path


class ItemState(Struct):
    """An item as it was read the last time."""

    files: str
    """Sizes and times of its files."""

    digests: dict[str, str]
    """The digest of each session by the tool's id of it."""


class Counts:
    """What an import has done so far."""

    def __init__(self) -> None:
        self.items = self.items_unchanged = self.sessions = self.messages = 0
        self.added = self.updated = self.unchanged = 0
        self.skipped: Counter[str] = Counter()
        self.problems: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON object."""
        return dict(vars(self)) | {"skipped": dict(self.skipped)}


class Importer:
    """The import of several items over one connection."""

    def __init__(
        self, client: Client, states: dict[str, ItemState], *, dry_run: bool = False, since: str | None = None
    ) -> None:
        self.counts = Counts()
        self._client = client
        self._states = states
        self._dry_run = dry_run
        self._since = since
        self._digests: dict[str, dict[str, str]] = {}
        """The digests of the sessions that the daemon has, by tool and the tool's id."""

    def run(self, sources: Iterable[Source], on_item: Callable[[Source], None]) -> None:
        """Import the sources one by one; a problem of one is counted and does not stop the others."""
        for source in sources:
            on_item(source)
            self.counts.items += 1
            try:
                self._import(source)
            except (OSError, ValueError) as error:
                self.counts.problems.append(f"{source.path}: {error}")

    def _import(self, source: Source) -> None:
        known, path = self._known(source.reader.name), str(source.path)
        files, state = _files_of(source.path), self._states.get(path)
        if state and state.files == files and all(known.get(id) == digest for id, digest in state.digests.items()):
            self.counts.items_unchanged += 1
            return
        sessions, skipped = source.reader.read(source.path)
        self.counts.skipped += skipped
        digests = {session.id: _digest(session) for session in sessions}
        for session in sessions:
            if self._since is None or (_last_time(session) or "9") >= self._since:
                self.counts.sessions += 1
                self.counts.messages += len(session.messages)
                if known.get(session.id) != digests[session.id] and not self._dry_run:
                    self._send(source.reader.name, path, session, digests[session.id])
        if not self._dry_run and self._since is None:
            self._states[path] = ItemState(files, digests)

    def _known(self, tool: str) -> dict[str, str]:
        if tool not in self._digests:
            found: dict[str, str] = {}
            params: dict[str, Any] = {"source": tool, "archived": None, "with_metadata": True, "limit": 1000}
            while True:
                page = self._client.request("session.list", params)
                for session in page["sessions"]:
                    found[session["source"]["id"]] = session["metadata"].get(DIGEST, "")
                if page["next_cursor"] is None:
                    break
                params["cursor"] = page["next_cursor"]
            self._digests[tool] = found
        return self._digests[tool]

    def _send(self, tool: str, path: str, session: HistorySession, digest: str) -> None:
        now = wall_ms()
        source = {"tool": tool, "id": session.id, "path": path}
        about = session_params(session, now)
        batches = list(_batches(message_params(session, now)))
        for number, batch in enumerate(batches, 1):
            if number == len(batches):
                about |= {"metadata": about["metadata"] | {DIGEST: digest}}
            result = self._client.request("session.import", {"source": source, "session": about, "messages": batch})
            self.counts.added += result["added"]
            self.counts.updated += result["updated"]
            self.counts.unchanged += result["unchanged"]
        self._digests[tool][session.id] = digest


def _files_of(path: Path) -> str:
    """Return the sizes and times of an item's files; a WAL beside a database is one of them."""
    files = [path, Path(f"{path}-wal")]
    status = [file.stat() for file in files if file is path or file.exists()]
    return "+".join(f"{one.st_size}-{one.st_mtime_ns}" for one in status)


def _digest(session: HistorySession) -> str:
    return sha256(msgspec.json.encode(session)).hexdigest()[:32]


def _batches(messages: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the messages in requests of bounded size, one empty request for none."""
    batch: list[dict[str, Any]] = []
    size, sent = 0, False
    for message in messages:
        length = len(msgspec.json.encode(message))
        if batch and (len(batch) >= BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size, sent = [], 0, True
        batch.append(message)
        size += length
    if batch or not sent:
        yield batch


def _last_time(session: HistorySession) -> str | None:
    return max((message.at for message in session.messages if message.at), default=session.started_at)
