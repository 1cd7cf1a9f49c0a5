"""Checks of the database file and its place."""

import os
import re
import shlex
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from segue.cli.doctor.result import Result, failure, ok, warning
from segue.cli.output.session_table import short_directory
from segue.cli.output.terminal import size
from segue.errors import StartError
from segue.paths import Paths, check_socket_length

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = re.compile(
    r"nfs\d*|cifs|smb\d*|smbfs|9p|drvfs|afs|ceph|glusterfs|lustre|gpfs|beegfs|davfs"
    r"|fuse\.(sshfs|rclone|s3fs|gcsfuse|glusterfs|davfs2?|vmhgfs-fuse)|vboxsf|virtiofs"
)
"""Types of file systems that other machines may write to, so that locks are not reliable."""

MEMORY = re.compile("tmpfs|ramfs")

LOW_BYTES, LEAST_BYTES = 1 << 30, 64 << 20
"""Bytes: free space below which to warn, and below which writes are about to fail."""


def check_database(paths: Paths) -> Result:
    """Return the result for the file: kind, owner, mode and links."""
    path = paths.database
    shown, quoted = short_directory(str(path)), shlex.quote(str(path))
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ok("database", f"{shown} does not exist yet; the first command that stores something makes it")
    except OSError as error:
        return failure("database", f"cannot read {shown}: {error.strerror}")
    if not stat.S_ISREG(found.st_mode):
        return failure("database", f"{shown} is not a plain file; move it away, or name another database")
    if found.st_uid != os.geteuid():
        return failure("database", f"{shown} belongs to user {found.st_uid}; name a file of your own")
    if found.st_mode & 0o077:
        return failure("database", f"other users can access it; run: chmod 600 {quoted}")
    if found.st_nlink > 1:
        return failure("database", f"{shown} has {found.st_nlink} hard links; remove the others")
    folder = path.parent.stat()
    if folder.st_mode & 0o022:
        return failure("database", f"others can replace it; run: chmod 700 {shlex.quote(str(path.parent))}")
    return ok("database", f"{shown}, {size(found.st_size)}, only you can read it")


def check_place(paths: Paths) -> Iterator[Result]:
    """Yield the results for the file system and its free space."""
    folder = _existing(paths.database.parent)
    kind = file_system(folder)
    if kind is None:
        pass
    elif NETWORK.fullmatch(kind):
        text = f"the database is on {kind}, where locks are not reliable; move it to a local disk"
        yield failure("disk", f"{text}, and set [daemon] database")
    elif MEMORY.fullmatch(kind):
        yield warning("disk", f"the database is on {kind} and is lost at the next boot; set [daemon] database")
    free = shutil.disk_usage(folder).free
    text = f"{size(free)} free{f' on {kind}' if kind else ''}"
    if free < LEAST_BYTES:
        yield failure("space", f"{text}; free some space, or writes fail")
    elif free < LOW_BYTES:
        yield warning("space", f"{text}; free some space, because a backup or an upgrade needs as much as the database")
    else:
        yield ok("space", text)


def check_socket(paths: Paths) -> Result:
    """Return the result for the path of the socket."""
    shown = short_directory(str(paths.socket))
    try:
        check_socket_length(paths.socket)
        found = paths.socket.lstat()
    except StartError as error:
        return failure("socket", str(error))
    except OSError:
        return ok("socket", f"{shown} does not exist while no daemon runs")
    if not stat.S_ISSOCK(found.st_mode):
        return failure("socket", f"{shown} is not a socket; move it away, or name another socket")
    if found.st_uid != os.geteuid():
        return failure("socket", f"{shown} belongs to user {found.st_uid}; name another socket")
    return ok("socket", shown)


def file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the file system that holds the folder, or None if the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place, best, kind = os.path.realpath(folder), "", None
    for line in lines:
        before, _, after = line.partition(" - ")
        # The kernel writes spaces and the like as octal numbers.
        point = re.sub(r"\\(\d{3})", lambda digits: chr(int(digits[1], 8)), before.split()[4])
        if f"{place}/".startswith(f"{point.rstrip('/')}/") and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())
