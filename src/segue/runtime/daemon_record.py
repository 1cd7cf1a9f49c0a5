"""`daemon.json`: beside the database, so that clients started in another environment find the socket."""

from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec

from segue.errors import StartError
from segue.files import replace_file


class Record(msgspec.Struct, frozen=True):
    """Where a daemon serves, and which one it is."""

    socket: str
    pid: int
    version: str
    protocol: int
    boot_id: str
    database: str


def write_record(path: Path, record: Record) -> None:
    """Put the record in place whole: a reader sees the old one or the new one. StartError if it cannot be."""
    # Of the database, whose lock we hold: what is there was left by one that was killed before it could rename.
    temporary = path.with_name(f".{path.name}.{crc32(record.database.encode()):08x}")
    data = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    try:
        replace_file(path, data, temporary=temporary)
    except OSError as error:
        raise StartError("record", f"cannot write {path}: {error.strerror}") from None


def is_in_place(path: Path, record: Record) -> bool:
    """Whether the file says what it should."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record) == record
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False


def remove_record(path: Path, record: Record) -> None:
    """Remove the file if it is ours."""
    if is_in_place(path, record):
        with suppress(OSError):
            path.unlink()
