"""The listening socket: put in place without a moment in which it is missing, too open or somebody else's."""

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from segue.errors import AlreadyRunning, StartError
from segue.files import prepare_directory
from segue.paths import check_socket_length

BACKLOG = 1024
"""Connections the kernel holds for us; more than `limits.clients`, so that a burst waits and is not refused."""

UMASK = 0o177
"""A socket is made 0777 less this: 0600 from its first instant."""


class Identity(NamedTuple):
    """What tells our socket file from one that another put at the same path."""

    device: int
    inode: int


class Listener:
    """A bound, listening socket and the path that leads to it."""

    def __init__(self, path: Path, listener: socket.socket, identity: Identity, *, borrowed: bool = False) -> None:
        self.path = path
        self.listener = listener
        self.borrowed = borrowed
        """Whether a service manager opened it: then the path stays, and who is queued waits for the next daemon."""
        self._identity = identity

    def is_missing(self) -> bool:
        """Whether nothing is at the path any more."""
        return _identity(self.path) is None

    def is_ours(self) -> bool:
        """Whether the path still leads to this socket."""
        return _identity(self.path) == self._identity

    def close(self) -> None:
        """Stop listening and remove the path, if it is still ours and not borrowed."""
        self.listener.close()
        self.remove()

    def remove(self) -> None:
        """Remove the path, if it is ours to remove: nobody new finds the socket, those in its queue are still there."""
        if self.is_ours() and not self.borrowed:
            with suppress(FileNotFoundError):
                self.path.unlink()


def bind_listener(path: Path) -> Listener:
    """Listen at the path. The caller holds the lock, so a socket of ours that nobody serves is debris.

    Bound beside the path and renamed over it: at no moment is there a path that refuses, or a wider mode.
    Raises AlreadyRunning if somebody answers there, StartError if the place cannot be used.
    """
    check_socket_length(path)
    prepare_directory(path.parent, "socket")
    _check_debris(path)
    temporary = _name_beside(path)
    _sweep(temporary)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(UMASK)
    try:
        listener.bind(os.fspath(temporary))
        listener.listen(BACKLOG)
        listener.settimeout(0)
        temporary.rename(path)
    except OSError as error:
        listener.close()
        with suppress(OSError):
            temporary.unlink()
        raise StartError("socket", f"cannot listen at {path}: {error.strerror}") from None
    finally:
        os.umask(umask)
    identity = _identity(path)
    if identity is None:
        listener.close()
        raise StartError("socket", f"{path} was removed at once; something else cleans that directory")
    return Listener(path, listener, identity)


def adopt_listener(path: Path, listener: socket.socket) -> Listener:
    """Serve at a socket that a service manager opened, and leave it in place. StartError if its path is gone."""
    identity = _identity(path)
    if identity is None:
        raise StartError("socket", f"{path} was removed; restart its unit")
    return Listener(path, listener, identity, borrowed=True)


def _check_debris(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StartError("socket", f"cannot look at {path}: {error.strerror}") from None
    if not stat.S_ISSOCK(found.st_mode):
        raise StartError("socket", f"{path} is there and is no socket; move it away or name another path")
    if found.st_uid != os.geteuid():
        raise StartError("socket", f"{path} belongs to user {found.st_uid}; name another path")
    if _answers(path):
        raise AlreadyRunning("already running", f"another program serves {path}")


def _answers(path: Path) -> bool:
    """Whether somebody listens: only a refused connection says no, a full backlog (EAGAIN) is a busy peer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _name_beside(path: Path) -> Path:
    """The name that is bound before it is renamed: no longer than the final one, which was found short enough.

    Always the same, so that what a daemon left which was killed in between is known for what it is.
    """
    last = "~" if not path.name.endswith("~") else "_"
    return path.with_name(path.name[:-1] + last)


def _sweep(temporary: Path) -> None:
    """Remove what was left there; we hold the lock of the final name, so nobody is about to rename it."""
    with suppress(OSError):
        if stat.S_ISSOCK(temporary.lstat().st_mode) and not _answers(temporary):
            temporary.unlink()


def _identity(path: Path) -> Identity | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)
