"""Where a daemon is to be started that nobody has started yet."""

import os
import shlex
from pathlib import Path
from zlib import crc32

from segue.errors import StartError
from segue.paths import MAX_SOCKET_BYTES, SOCKET_NAME, Paths, default_database


def where_to_serve(paths: Paths) -> Paths:
    """The places to start at: a database that was named, not configured, leaves the default socket to the default one.

    It is served beside itself, else, if that path is too long, beside the default socket: its record leads there.
    """
    configured = paths.config.daemon.database is not None
    if paths.socket_explicit or not paths.database_explicit or configured or paths.database == _default_database():
        return paths
    beside = paths.database.parent / "run" / SOCKET_NAME
    if len(os.fsencode(beside)) > MAX_SOCKET_BYTES:
        beside = paths.socket.with_name(f"{crc32(os.fsencode(paths.database)):08x}.sock")
    return paths._replace(socket=beside)


def _default_database() -> Path | None:
    try:
        return default_database()
    except StartError:  # there is no home, so every place was named
        return None


def start_command(paths: Paths) -> str:
    """What a person would type to start it there."""
    wanted = where_to_serve(paths)
    words = ["segued"]
    if paths.database_explicit:
        words += ["--database", str(wanted.database)]
    if paths.socket_explicit or wanted != paths:
        words += ["--socket", str(wanted.socket)]
    return shlex.join(words)
