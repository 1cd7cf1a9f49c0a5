"""A listening socket that a service manager opened for us: systemd's sd_listen_fds(3) protocol.

It is taken as it is only if it is what we would have made: one Unix stream socket, private, in a private directory.
"""

import os
import socket
import stat
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from segue.errors import StartError
from segue.files import prepare_directory
from segue.paths import Paths
from segue.server.net.listener import BACKLOG

FIRST = 3
DIGITS = 4
"""Nobody passes ten thousand descriptors."""


class Listening(NamedTuple):
    """Where to serve, and at which socket of a manager's, if any."""

    paths: Paths
    listener: socket.socket | None = None
    remark: str | None = None
    """What the log should say once we serve."""


def take_descriptors(environ: MutableMapping[str, str] = os.environ) -> range:
    """The descriptors that were passed to this very process; the variables are taken out, for they are ours alone.

    Those for another process, as a shell in between leaves them, are none. StartError if the number is none.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    for variable in ("LISTEN_FDNAMES", "LISTEN_PIDFDID"):
        environ.pop(variable, None)
    if pid != str(os.getpid()) or not count:
        return range(FIRST, FIRST)
    if not (count.isascii() and count.isdigit() and len(count) <= DIGITS):
        raise StartError("environment: LISTEN_FDS", f"must be a number of descriptors, not {count!r}")
    return range(FIRST, FIRST + int(count))


def listen_at(paths: Paths, descriptors: range) -> Listening:
    """The inherited socket, unless another one was named: then that, and the inherited one is closed.

    Raises StartError if it is not exactly one, or not private.
    """
    if not descriptors:
        return Listening(paths)
    if paths.socket_explicit and _path_of_only(descriptors) != paths.socket:
        for descriptor in descriptors:
            with suppress(OSError):
                os.close(descriptor)
        remark = f"the inherited socket is closed: {paths.socket} was named, which is stronger"
        return Listening(paths, remark=remark)
    if len(descriptors) != 1:
        raise StartError("inherited socket", f"{len(descriptors)} were passed; pass exactly one")
    listener = _check_socket(descriptors[0])
    path = _check_path(listener)
    listener.listen(BACKLOG)  # anew, so that the kernel names us to our clients, not the manager
    return Listening(paths._replace(socket=path), listener)


def _path_of_only(descriptors: range) -> Path | None:
    """The path of the only descriptor, if it is a Unix socket with one."""
    if len(descriptors) != 1:
        return None
    try:
        with socket.socket(fileno=os.dup(descriptors[0])) as found:
            name = found.getsockname()
    except OSError:
        return None
    return Path(name) if isinstance(name, str) and name else None


def _check_socket(descriptor: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=descriptor)
    except OSError as error:
        raise StartError("inherited socket", f"descriptor {descriptor} is no socket: {error.strerror}") from None
    if listener.family != socket.AF_UNIX or listener.type != socket.SOCK_STREAM:
        _refuse(listener, "it is no Unix stream socket; in the unit set ListenStream= to a path")
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        _refuse(listener, "it does not listen; in the unit set Accept=no")
    listener.set_inheritable(False)
    listener.settimeout(0)
    return listener


def _check_path(listener: socket.socket) -> Path:
    """The path that leads to it, which only we may open."""
    name = listener.getsockname()
    if not isinstance(name, str) or not name.startswith("/"):
        _refuse(listener, "it has no absolute path; in the unit set ListenStream= to one")
    path = Path(name)
    try:
        name.encode()
        found = path.lstat()
    except (OSError, UnicodeEncodeError) as error:
        _refuse(listener, f"cannot look at {name!r}: {getattr(error, 'strerror', 'it is not UTF-8')}")
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid != os.geteuid():
        _refuse(listener, f"{path} is not a socket of ours")
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        _refuse(listener, f"{path} has mode {mode:04o}, so others may connect; in the unit set SocketMode=0600")
    prepare_directory(path.parent, "inherited socket")
    return path


def _refuse(listener: socket.socket, text: str) -> NoReturn:
    listener.close()
    raise StartError("inherited socket", text)
