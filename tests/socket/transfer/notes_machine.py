"""A machine with a tool of its own, whose sessions a test gives, and what the daemon has of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segue.client import Client
from segue.history.importer import Importer, ItemState, Options, Source
from segue.history.importing.counts import Counts
from segue.history.reader import Reader, Reading
from segue.history.records import HistoryMessage, HistorySession
from segue.runtime.progress import Progress
from tests.support.inprocess import Server
from tests.support.wire import Wire

AT = "2026-01-30T14:23:05.123Z"
LATER = "2026-01-30T15:23:05.123Z"


class Notes:
    """A tool whose files have the sessions that a test gives."""

    def __init__(self, name: str = "notes") -> None:
        self.name = name
        self.sessions: dict[Path, list[HistorySession]] = {}
        self.writes = 0

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        return []

    def discover(self, root: Path) -> Iterator[Path]:
        yield from self.sessions

    def read(self, item: Path, cursor: object = None) -> Reading:
        return Reading(self.sessions[item], Counter())

    def resume_command(self, session_id: str) -> list[str] | None:
        return None

    def write(self, file: Path, *sessions: HistorySession) -> Path:
        self.writes += 1
        file.write_text("x" * self.writes)  # Another size each time, because the clock of files may be coarse.
        self.sessions[file] = list(sessions)
        return file


class Machine:
    """A machine whose files are imported again and again."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.states: dict[str, ItemState] = {}

    def run(self, reader: Reader, *files: Path, options: Options | None = None) -> Counts:
        with Client.connect(self.server.socket) as client:
            importer = Importer(client, self.states, options or Options())
            importer.run([Source(reader, file) for file in files], Progress("import"))
        return importer.counts


def said(text: str, key: str = "1", at: str | None = AT, **more: Any) -> HistoryMessage:
    return HistoryMessage(key=key, role="user", text=text, at=at, **more)


def session(*messages: HistoryMessage, id: str = "s", **more: Any) -> HistorySession:
    return HistorySession(id=id, path="/x", messages=list(messages), **more)


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


def contents(wire: Wire, **filter: Any) -> list[list[str]]:
    found = wire.call("session.list", archived=None, **filter)["sessions"]
    return [[one["content"] for one in wire.call("message.list", session_id=each["id"])["messages"]] for each in found]
