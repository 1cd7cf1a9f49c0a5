"""Choose the socket at which a client starts a daemon."""

import os
import shlex
from zlib import crc32

from segue.paths import MAX_SOCKET_BYTES, SOCKET_NAME, Paths


def endpoint_to_start(paths: Paths) -> Paths:
    """Return the paths to start a daemon with.

    The default socket belongs to the default database. A daemon of another database that an option or a variable
    names listens beside that database, or beside the default socket if that path is too long. Clients find it by its
    record file.
    """
    configured = paths.config.daemon.database is not None
    if paths.socket_explicit or not paths.database_explicit or configured or paths.has_default_database:
        return paths
    socket = paths.database.parent / "run" / SOCKET_NAME
    if len(os.fsencode(socket)) > MAX_SOCKET_BYTES:
        socket = paths.socket.with_name(f"{crc32(os.fsencode(paths.database)):08x}.sock")
    return paths._replace(socket=socket)


def start_command(paths: Paths) -> str:
    """Return the shell command that starts a daemon with these paths."""
    endpoint = endpoint_to_start(paths)
    words = ["segued"]
    if paths.database_explicit:
        words += ["--database", str(endpoint.database)]
    if paths.socket_explicit or endpoint != paths:
        words += ["--socket", str(endpoint.socket)]
    return shlex.join(words)
