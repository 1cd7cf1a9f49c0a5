"""A listening socket that a service manager passes: systemd's sd_listen_fds(3) protocol.

The daemon accepts it only if it is what the daemon would bind itself: one private Unix stream socket in a private
directory.
"""

import os
import socket
import stat
from collections.abc import MutableMapping
from pathlib import Path
from typing import NoReturn

from segue.errors import StartError
from segue.files import prepare_directory
from segue.paths import Paths
from segue.server.net.listener import BACKLOG

FIRST_DESCRIPTOR = 3
"""SD_LISTEN_FDS_START of sd-daemon.h."""

MAX_DIGITS = 4
"""Digits of LISTEN_FDS. No manager passes 10 000 descriptors."""


def take_descriptors(environ: MutableMapping[str, str] = os.environ) -> range:
    """Return the descriptors passed to this process and remove the variables, so that no child uses them.

    Descriptors for another process are ignored: a shell between the manager and the daemon leaves the variables.

    Raises:
        StartError: LISTEN_FDS is not a number.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    for variable in ("LISTEN_FDNAMES", "LISTEN_PIDFDID"):
        environ.pop(variable, None)
    if pid != str(os.getpid()) or not count:
        return range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR)
    if not (count.isascii() and count.isdigit() and len(count) <= MAX_DIGITS):
        raise StartError("environment: LISTEN_FDS", f"must be a number of descriptors, not {count!r}")
    return range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))


def select_listener(paths: Paths, descriptors: range) -> tuple[Paths, socket.socket | None]:
    """Return the inherited socket, if there is one, and the paths with its path as the socket.

    Raises:
        StartError: more than one descriptor was passed, the socket is not private, or another path was named.
    """
    if not descriptors:
        return paths, None
    if len(descriptors) != 1:
        raise StartError("inherited socket", f"{len(descriptors)} were passed; pass exactly one")
    listener = _check_socket(descriptors[0])
    path = _check_path(listener)
    if paths.socket_explicit and path != paths.socket:
        _refuse(listener, f"it is {path}, but {paths.socket} was named; name no socket or stop the socket unit")
    listener.listen(BACKLOG)  # Again, because the kernel reports the process that called listen(2) to clients.
    return paths._replace(socket=path), listener


def _check_socket(descriptor: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise StartError("inherited socket", f"descriptor {descriptor} is not a socket: {error.strerror}") from None
    if listener.family != socket.AF_UNIX or listener.type != socket.SOCK_STREAM:
        _refuse(listener, "it is not a Unix stream socket; set ListenStream= to a path in the unit")
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        _refuse(listener, "it does not listen; set Accept=no in the unit")
    listener.set_inheritable(False)
    listener.settimeout(0)
    return listener


def _check_path(listener: socket.socket) -> Path:
    """Return the path of the socket, which only this user may open."""
    name = listener.getsockname()
    if not isinstance(name, str) or not name.startswith("/"):
        _refuse(listener, "it has no absolute path; set ListenStream= to an absolute path in the unit")
    path = Path(name)
    try:
        name.encode()
        found = path.lstat()
    except (OSError, UnicodeEncodeError) as error:
        _refuse(listener, f"cannot read {name!r}: {getattr(error, 'strerror', 'the path is not UTF-8')}")
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        _refuse(listener, f"{path} is not a socket of this user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        _refuse(listener, f"other users may connect to {path} (mode {mode:04o}); set SocketMode=0600 in the unit")
    prepare_directory(path.parent, "inherited socket")
    return path


def _refuse(listener: socket.socket, text: str) -> NoReturn:
    listener.close()
    raise StartError("inherited socket", text)
