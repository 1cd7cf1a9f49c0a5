"""Where a daemon is to be started that nobody has started yet."""

import os
import shlex
from pathlib import Path
from zlib import crc32

from segue.errors import StartError
from segue.paths import MAX_SOCKET_BYTES, SOCKET_NAME, Places, default_database


def where_to_serve(places: Places) -> Places:
    """The places to start at: a database that was named, not configured, leaves the default socket to the default one.

    It is served beside itself, else, if that path is too long, beside the default socket: its record leads there.
    """
    configured = places.config.daemon.database is not None
    if places.socket_given or not places.database_given or configured or places.database == _default_database():
        return places
    beside = places.database.parent / "run" / SOCKET_NAME
    if len(os.fsencode(beside)) > MAX_SOCKET_BYTES:
        beside = places.socket.with_name(f"{crc32(os.fsencode(places.database)):08x}.sock")
    return places._replace(socket=beside)


def _default_database() -> Path | None:
    try:
        return default_database()
    except StartError:  # there is no home, so every place was named
        return None


def start_command(places: Places) -> str:
    """What a person would type to start it there."""
    wanted = where_to_serve(places)
    words = ["segued"]
    if places.database_given:
        words += ["--database", str(wanted.database)]
    if places.socket_given or wanted != places:
        words += ["--socket", str(wanted.socket)]
    return shlex.join(words)
