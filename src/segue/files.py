"""Create, open and replace private files and directories."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from segue.errors import StartError

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700


def make_directory(directory: Path) -> None:
    """Create the directory and its missing parents, each with mode 0700.

    Raises:
        PermissionError: root would create it in a directory of another user, such as the home that `sudo` keeps.
            Nothing was created, because root's directory would lock the owner out.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    if missing and os.geteuid() == 0:
        parent = missing[-1].parent
        owner = parent.stat().st_uid
        if owner != 0:
            raise PermissionError(errno.EPERM, f"{parent} belongs to user {owner}", os.fspath(directory))
    for path in (*reversed(missing), directory):
        path.mkdir(mode=DIRECTORY_MODE, exist_ok=True)


def make_own_directory(directory: Path) -> None:
    """Create the directory as `make_directory` does.

    Raises:
        PermissionError: it exists and belongs to another user.
    """
    make_directory(directory)
    if directory.stat().st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "it belongs to another user", os.fspath(directory))


def prepare_directory(directory: Path, subject: str) -> None:
    """Create the directory if it is missing, and check its owner and mode.

    Raises:
        StartError: it cannot be created, belongs to another user, or is writable by other users.
    """
    try:
        make_directory(directory)
        found = directory.stat()
    except OSError as error:
        raise StartError(subject, f"cannot create {directory}: {error.strerror}") from None
    if found.st_uid != os.geteuid():
        raise StartError(subject, f"{directory} belongs to user {found.st_uid}; choose another directory")
    if found.st_mode & 0o022:
        import shlex

        mode = stat.S_IMODE(found.st_mode)
        sticky = found.st_mode & stat.S_ISVTX  # Such as /tmp, which is meant for all users.
        fix = "choose another directory" if sticky else f"run: chmod 700 {shlex.quote(str(directory))}"
        raise StartError(subject, f"others can write to {directory} (mode {mode:04o}); {fix}")


def find_replaceable(path: Path) -> Path | None:
    """Return the first directory above the path in which another user can create or replace what leads to the path."""
    real = Path(os.path.realpath(path.parent)) / path.name
    trusted = (os.geteuid(), 0)
    for directory, child in zip(real.parents, (real, *real.parents), strict=False):
        try:
            found = directory.stat()
        except OSError:
            continue
        # In a sticky directory such as /tmp, only the owners of the file and of the directory can rename it.
        protected = found.st_mode & stat.S_ISVTX and os.path.lexists(child) and child.lstat().st_uid in trusted
        if found.st_uid not in trusted or (found.st_mode & 0o022 and not protected):
            return directory
    return None


def open_private(path: Path, flags: int, mode: int = FILE_MODE) -> int:
    """Open a file and return its descriptor; fail on a symbolic link, and never wait for the other end of a pipe."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, mode)


def close_unwritten(descriptor: int) -> None:
    """Close a descriptor through which nothing was written that must be kept.

    The kernel frees it even if it reports an error, which is about earlier writes to the disk.
    """
    with suppress(OSError):
        os.close(descriptor)


def is_own_file(found: os.stat_result) -> bool:
    """Return True for a regular file of this user."""
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def size_of(path: Path) -> int:
    """Return the size of a file in bytes, 0 if it was removed."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read_private(path: Path, max_bytes: int) -> bytes | None:
    """Return the start of a file that only this user can read and write; None for anything else."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        is_private = is_own_file(found) and stat.S_IMODE(found.st_mode) == FILE_MODE
        return os.read(descriptor, max_bytes) if is_private else None
    except OSError:
        return None
    finally:
        close_unwritten(descriptor)


def create_file(path: Path, data: bytes, *, mode: int = FILE_MODE, durable: bool = False) -> None:
    """Create a file with this content; with `durable`, flush it to the disk.

    After an error no part of it remains.

    Raises:
        FileExistsError: the path exists.
    """
    descriptor = open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace_file(
    path: Path, data: bytes, *, mode: int = FILE_MODE, temporary: Path | None = None, durable: bool = False
) -> None:
    """Replace the file in one step: a reader sees either the old content or the new content.

    With `durable`, the new content is on the disk at the end.

    `temporary` is the path to write first, on the same file system. Anything that an earlier process left there is
    removed, so only the holder of a lock may pass one. The default is a random name beside the file.
    """
    if temporary is None:
        temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    else:
        temporary.unlink(missing_ok=True)
    create_file(temporary, data, mode=mode, durable=durable)
    try:
        temporary.rename(path)
        if durable:
            sync_directory(path.parent)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def sync_directory(directory: Path) -> None:
    """Flush the names in a directory to the disk, because SQLite does this for its journals only."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
