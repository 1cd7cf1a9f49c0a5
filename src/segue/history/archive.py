"""The data exports of chat services: a list of conversations in `conversations.json`, often in a ZIP."""

import zipfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from segue.history.reader import Reading, open_regular
from segue.history.records import HistorySession

DOCUMENT = "conversations.json"
MAX_BYTES = 2**30
"""Bytes. A larger document is refused, because it is read whole, and a crafted ZIP could fill the memory."""


class ExportReader(ABC):
    """A reader of the data export of a chat service."""

    service: str
    """The name of the service in error messages."""

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return nothing: a person names the archive."""
        return []

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield the archive or the document that was named."""
        if root.is_file():
            yield root

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return every conversation."""
        skipped: Counter[str] = Counter()
        sessions = []
        for found in conversations(item):
            if (session := self.session(found, item)) is not None:
                sessions.append(session)
            else:
                skipped["conversation of another form"] += 1
        if not sessions:
            raise ValueError(f"no conversation of {self.service}")
        return Reading(sessions, skipped)

    def count(self, item: Path) -> int:
        """Return the number of conversations."""
        return len(conversations(item))

    @abstractmethod
    def session(self, found: dict[str, Any], item: Path) -> HistorySession | None:
        """Return a conversation, None if it has another form."""

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return None: the conversation is on a server."""
        return None


def conversations(item: Path) -> list[dict[str, Any]]:
    """Return the conversations of an archive or of the document alone.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no list of conversations.
    """
    try:
        found = msgspec.json.decode(_document(item))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"no {DOCUMENT} in the archive") from error
    if not isinstance(found, list):
        raise ValueError(f"{DOCUMENT} holds no list")
    return [entry for entry in found if isinstance(entry, dict)]


def _document(item: Path) -> bytes:
    if not zipfile.is_zipfile(item):
        with open_regular(item, MAX_BYTES) as file:
            if not file.peek(1).lstrip()[:1] == b"[":
                raise ValueError("no list of conversations")
            return file.read()
    with zipfile.ZipFile(item) as archive:
        name = next((name for name in archive.namelist() if Path(name).name == DOCUMENT), DOCUMENT)
        if archive.getinfo(name).file_size > MAX_BYTES:
            raise ValueError(f"{DOCUMENT} has more than {MAX_BYTES} bytes")
        return archive.read(name)
