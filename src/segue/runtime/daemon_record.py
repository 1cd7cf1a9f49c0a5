"""The record file `daemon.json` beside the database, from which clients learn the daemon's socket.

A client that was started in another environment may compute another default socket path. Every client reads the
record, so this module avoids imports that take long.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from segue.errors import StartError
from segue.files import read_private, replace_file
from segue.paths import Paths
from segue.runtime.json_object import is_text, parse_object

MAX_RECORD_BYTES = 65_536
"""Bytes: read at most this much of a record. A real record has some 300 bytes."""


class Record(NamedTuple):
    """The members of a record file; a reader relies on `socket` and `database` only."""

    socket: str
    pid: int | None = None
    version: str | None = None
    protocol: int | None = None
    boot_id: str | None = None
    database: str | None = None
    host: str | None = None
    machine: str | None = None
    """The kernel and the pid namespace of the daemon. On another machine `pid` and `socket` mean nothing."""

    @property
    def is_elsewhere(self) -> bool:
        """Return True if the daemon runs on another host or in another container."""
        return self.machine not in (None, machine_id())


def machine_id() -> str:
    """Return an ID of the running kernel and its pid namespace; the host name if the system has no such IDs."""
    try:
        kernel = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{kernel} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return os.uname().nodename


def write_record(path: Path, record: Record) -> None:
    """Replace the record atomically.

    Raises:
        StartError: the file cannot be written.
    """
    import json
    from zlib import crc32

    # The name depends on the database, whose lock the caller holds. A leftover is from a daemon that was killed.
    temporary = path.with_name(f".{path.name}.{crc32((record.database or '').encode()):08x}")
    data = json.dumps(record._asdict(), indent=2, ensure_ascii=False).encode() + b"\n"
    try:
        replace_file(path, data, temporary=temporary)
    except OSError as error:
        raise StartError("record", f"cannot write {path}: {error.strerror}") from None


def read_record(paths: Paths) -> Record | None:
    """Return the record of the daemon that serves `paths.database`.

    Returns None if there is no record, if it is not a private file of this user, or if it names another database.
    """
    data = read_private(paths.record, MAX_RECORD_BYTES)
    record = None if data is None else _parse(data)
    return record if record is not None and _names_database(record, paths.database) else None


def remove_record(paths: Paths, record: Record) -> None:
    """Remove the record file if it holds `record`."""
    if read_record(paths) == record:
        with suppress(OSError):
            paths.record.unlink()


def _parse(data: bytes) -> Record | None:
    found = parse_object(data)
    if not is_text(found.get("socket")):
        return None
    members: dict[str, Any] = {name: found.get(name) for name in Record._fields}
    return Record(**members) if members["database"] is None or is_text(members["database"]) else None


def _names_database(record: Record, database: Path) -> bool:
    if not record.socket.startswith("/") or "\0" in record.socket + (record.database or ""):
        return False
    return record.database is None or os.path.realpath(record.database) == os.path.realpath(database)
