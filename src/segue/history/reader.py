"""The interface of a reader, and the parts that readers share: JSON lines, times, and texts of content blocks."""

import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import msgspec

from segue.client.json_values import json_value
from segue.history.records import HistorySession
from segue.timestamps import timestamp

_XDG = {"config": ("XDG_CONFIG_HOME", ".config"), "data": ("XDG_DATA_HOME", ".local/share")}


class Reading(NamedTuple):
    """The content of one item: its sessions, and the number of records that the reader left out."""

    sessions: Iterable[HistorySession]
    """To be iterated once. A reader of a database reads each session when it is its turn, to hold one at a time."""
    skipped: Counter[str]
    """Count by reason: `damaged line`, `unknown record TYPE` and the like; of what was read now.

    It is complete after the last session.
    """
    cursor: object = None
    """The state from which the reader continues, None if it reads an item whole each time."""


class Reader(Protocol):
    """The histories of one tool. Register a class without arguments as an entry point of group `segue.history`."""

    name: str
    """The tool's name in `source.tool`."""

    def roots(self, environment: Mapping[str, str], home: Path, platform: str) -> list[Path]:
        """Return the folders and files in which the tool keeps its histories; they need not exist.

        `platform` is `sys.platform`.
        """

    def discover(self, root: Path) -> Iterator[Path]:
        """Yield each item below a root: a file, or a folder that is read as one.

        Raises:
            OSError: the root cannot be listed.
        """

    def read(self, item: Path, cursor: object = None) -> Reading:
        """Return everything in an item; damaged and unknown records are counted, not fatal.

        `cursor` is that of the last reading of the item in this process. It may spare the reader what it read before.

        Raises, also when the sessions are iterated:
            OSError: the item cannot be read.
            ValueError: nothing in it has a form of this reader.
        """

    def resume_command(self, session_id: str) -> list[str] | None:
        """Return the command that continues the session in its own tool, None if the tool has none."""


@runtime_checkable
class Counting(Protocol):
    """A reader whose items have several sessions each; those of others count as one."""

    def count(self, item: Path) -> int:
        """Return the number of sessions in an item, with much less work than `read`.

        Raises:
            OSError: the item cannot be read.
            ValueError: it has another form.
        """


def files_below(root: Path, pattern: str) -> list[Path]:
    """Return the paths below a root that match a pattern of `Path.glob`, and each folder that cannot be listed.

    The import of such a folder says why it cannot be read. What vanishes meanwhile is left out.
    """
    return sorted(_matches(root, pattern.split("/")))


def _matches(folder: Path, names: list[str]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError:
        yield folder
        return
    if names[0] == "**":
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _matches(folder / entry.name, names)
        names = names[1:]
    name, *rest = names
    for entry in entries:
        if fnmatchcase(entry.name, name):
            if not rest:
                yield folder / entry.name
            elif (path := folder / entry.name).is_dir():
                yield from _matches(path, rest)


class SkipDamaged:
    """A block that takes one record; one of an unexpected form is counted, and the block is left."""

    def __init__(self, skipped: Counter[str]) -> None:
        self._skipped = skipped

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        """Count an error that a value of another type leads to."""
        if not isinstance(error, AttributeError | TypeError | LookupError | ValueError):
            return False
        self._skipped["damaged record"] += 1
        return True


def platform_folder(kind: str, environment: Mapping[str, str], home: Path, platform: str) -> Path:
    """Return the folder in which the programs of a platform keep files of this kind: `config` or `data`."""
    if platform == "darwin":
        return home / "Library/Application Support"
    variable, folder = _XDG[kind]
    return Path(environment.get(variable) or home / folder)


MAX_DOCUMENT_BYTES = 256 * 2**20
"""Bytes. A larger file that can only be read whole is refused, because one file must not take the machine's memory."""

MAX_FILE_BYTES = 2 * 2**30
"""Bytes. A larger file of lines is refused."""


def open_regular(path: Path, max_bytes: int = MAX_FILE_BYTES) -> BufferedReader:
    """Open a file for reading.

    Raises:
        OSError: it cannot be read, is no regular file such as a pipe, or is too large.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_size <= max_bytes:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISREG(found.st_mode):
        raise OSError(f"it has {found.st_size} bytes, more than {max_bytes}")
    raise OSError("no regular file")


def read_bytes(path: Path) -> bytes:
    """Return the content of a file that is read whole.

    Raises:
        OSError: it cannot be read, is no regular file, or is too large.
    """
    with open_regular(path, MAX_DOCUMENT_BYTES) as file:
        return file.read()


def read_json(path: Path) -> Any:
    """Return the JSON document in a file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no JSON, as while the tool rewrites it.
    """
    data = read_bytes(path)
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        if (found := decode_leniently(data)) is None:
            raise
        return found


def decode_leniently(data: bytes) -> Any:
    """Return JSON with half a pair of surrogates, bytes that are not UTF-8, or a byte order mark before it.

    Return None if it has another fault. NUL bytes before it are what a crash of the machine left of other lines.
    """
    try:
        return json_value(json.loads(data.decode(errors="replace").lstrip("\ufeff\0")))
    except (ValueError, RecursionError):
        return None


def from_iso(text: object) -> str | None:
    """Return a time of RFC 3339 or ISO 8601 as the wire writes it, None for anything else.

    A time without a zone is taken as UTC.
    """
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def from_local(text: object) -> str | None:
    """Return an ISO time without a zone, written in the machine's local time, as the wire writes it."""
    if not isinstance(text, str):
        return None
    try:
        return from_datetime(datetime.fromisoformat(text).astimezone(UTC))
    except ValueError:
        return None


def from_ms(value: object) -> str | None:
    """Return milliseconds since 1970 as the wire writes them, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 253_402_300_800_000:
        return None
    return timestamp(int(value))


def from_seconds(value: object) -> str | None:
    """Return seconds since 1970 as the wire writes them, None for anything else."""
    return from_ms(value * 1000) if isinstance(value, int | float) and not isinstance(value, bool) else None


def from_datetime(moment: datetime) -> str | None:
    """Return a moment with a zone as the wire writes it."""
    return from_ms(int(moment.timestamp() * 1000 + 0.0001))


def texts(content: object, types: Sequence[str] = ("text",)) -> str:
    """Return a content's text: a string as it is, the `text` of the blocks of those types joined by line feeds."""
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in blocks(content, types) if isinstance(block.get("text"), str))


def blocks(content: object, types: Sequence[str]) -> list[dict[str, Any]]:
    """Return the blocks of a content whose `type` is one of the given ones."""
    several = content if isinstance(content, list) else []
    return [block for block in several if isinstance(block, dict) and block.get("type") in types]


def first(values: Iterable[Any]) -> Any:
    """Return the first value that is not None, None if there is none."""
    return next((value for value in values if value is not None), None)
