"""Marks that distinguish this database from a copy of it, and from an older state that was restored.

1. The database holds the ids of the computer, of the file system and of the file, and a random generation.
2. A small file beside the database holds the generation, the newest accepted batch and the newest message too. A
   database that was restored has older ones.
3. Each start takes a new generation. The file names the old and the new one until the database has the new one, so that
   a crash in between is no reason to take the database for a copy.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from segue.files import read_private, replace_file

MAX_BYTES = 4096


class Mark(Struct):
    """The file beside the database."""

    generations: list[str]
    machine: str = ""
    accepted: int = 0
    newest: int = 0
    """The largest id of a message, as of the last round or stop."""
    where: str = ""
    """The computer and the path of the database."""
    names: list[str] = []
    """The uids that the database had in this place. One that was restored may not have all of them."""


def mark_path(database: Path) -> Path:
    """Return the path of the file."""
    return database.with_name("sync.mark")


def read_mark(database: Path) -> Mark:
    """Return what the file holds; a mark that fits no database if there is none."""
    try:
        return msgspec.json.decode(read_private(mark_path(database), MAX_BYTES) or b"", type=Mark)
    except msgspec.DecodeError:
        return Mark([])


def write_mark(database: Path, mark: Mark) -> None:
    """Replace the file. If that fails, as on a full disk, the next start takes a new name without need."""
    with suppress(OSError):
        replace_file(mark_path(database), msgspec.json.encode(mark))


def new_generation() -> str:
    """Return a random generation."""
    return os.urandom(8).hex()


def place_of(database: Path) -> str:
    """Return the ids of the computer, the file system and the file."""
    found = database.stat()
    return f"{_computer()} {found.st_dev} {found.st_ino}"


def _computer() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        try:
            return Path(path).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
    return os.uname().nodename


def path_of(database: Path) -> str:
    """Return the computer and the path of the database."""
    return f"{_computer()} {database}"


def is_same_place(database: Path, fingerprint: str) -> bool:
    """Return True if the database with this fingerprint was last used as the same file of this computer."""
    return fingerprint.rpartition(" ")[0] == place_of(database)


def is_newest(mark: Mark, fingerprint: str, machine: str, accepted: int, newest: int) -> bool:
    """Return True if the database with this fingerprint was not replaced by an older one."""
    is_older = mark.machine == machine and (mark.accepted > accepted or mark.newest > newest)
    return fingerprint.rpartition(" ")[2] in mark.generations and not is_older
