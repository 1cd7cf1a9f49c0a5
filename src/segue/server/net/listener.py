"""The listening socket, bound without a moment in which its path is missing or open to other users."""

import logging
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from segue.errors import AlreadyRunning, StartError
from segue.files import prepare_directory
from segue.paths import check_socket_length

log = logging.getLogger("segue.server")

BACKLOG = 1024
"""Connections that the kernel queues. More than `limits.clients`, so that a burst waits instead of failing."""

UMASK = 0o177
"""The kernel creates a socket with mode 0777 minus the umask: 0600 from its first moment."""


class Identity(NamedTuple):
    """The device and inode of a socket file, which distinguish it from another file at the same path."""

    device: int
    inode: int


class Listener:
    """A bound, listening socket and its path."""

    def __init__(
        self, path: Path, listener: socket.socket, identity: Identity, *, externally_managed: bool = False
    ) -> None:
        self.path = path
        self.listener = listener
        self.externally_managed = externally_managed
        """True if a service manager opened the socket. Its path and its queue then stay for the next daemon."""
        self._identity = identity

    def is_missing(self) -> bool:
        """Return True if there is no file at the path."""
        return _identity(self.path) is None

    def is_in_place(self) -> bool:
        """Return True if the path leads to this socket."""
        return _identity(self.path) == self._identity

    def close(self) -> None:
        """Stop listening and remove the path."""
        self.listener.close()
        self.remove()

    def remove(self) -> None:
        """Remove the path if it leads to this socket and no service manager owns it; queued connections remain."""
        if self.is_in_place() and not self.externally_managed:
            try:
                self.path.unlink()
            except FileNotFoundError:
                pass
            except OSError as error:  # The next daemon replaces a socket that no daemon serves.
                log.warning("cannot remove %s: %s", self.path, error.strerror)


def bind_listener(path: Path) -> Listener:
    """Bind a socket and listen at the path; the caller holds the socket's lock, so a stale socket may be replaced.

    1. Check that the path is free, or that a stale socket of this user is there.
    2. Bind and listen at a temporary name in the same directory, with mode 0600.
    3. Rename the temporary name over the path. A client finds the old socket or the new one, never none.

    Raises:
        AlreadyRunning: another program serves the path.
        StartError: the path cannot be used.
    """
    check_socket_length(path)
    prepare_directory(path.parent, "socket")
    check_stale_socket(path)
    temporary = _temporary_path(path)
    remove_stale_temporary(temporary)
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
        raise StartError("socket", f"{path} was removed immediately; another program cleans that directory")
    return Listener(path, listener, identity)


def adopt_listener(path: Path, listener: socket.socket) -> Listener:
    """Serve at a socket that a service manager opened.

    Raises:
        StartError: its path was removed.
    """
    identity = _identity(path)
    if identity is None:
        raise StartError("socket", f"{path} was removed; restart its unit")
    return Listener(path, listener, identity, externally_managed=True)


def check_stale_socket(path: Path) -> None:
    """Check that nothing is at the path, or a socket of this user that no program serves.

    Raises:
        AlreadyRunning: a program serves the socket.
        StartError: there is another kind of file, or another user's socket.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StartError("socket", f"cannot read {path}: {error.strerror}") from None
    if not stat.S_ISSOCK(found.st_mode):
        raise StartError("socket", f"{path} exists and is not a socket; move it away or name another path")
    if found.st_uid != os.geteuid():
        raise StartError("socket", f"{path} belongs to user {found.st_uid}; name another path")
    if _accepts(path):
        raise AlreadyRunning("already running", f"another program serves {path}")


def remove_stale_temporary(temporary: Path) -> None:
    """Remove the temporary socket of a daemon that was killed before the rename."""
    with suppress(OSError):
        if stat.S_ISSOCK(temporary.lstat().st_mode) and not _accepts(temporary):
            temporary.unlink()


def _accepts(path: Path) -> bool:
    """Return True if a program listens. Only a refused connection proves the contrary: EAGAIN means a full queue."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _temporary_path(path: Path) -> Path:
    """Return the name to bind before the rename.

    It is as long as the final name, whose length was checked, and always the same, so that a later daemon recognizes
    a leftover.
    """
    last = "~" if not path.name.endswith("~") else "_"
    return path.with_name(path.name[:-1] + last)


def _identity(path: Path) -> Identity | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return Identity(found.st_dev, found.st_ino)
