"""The locks that allow one daemon per database and one per socket."""

from collections.abc import Iterator
from contextlib import contextmanager

from segue.files import prepare_directory
from segue.paths import Paths, check_socket_length
from segue.runtime.lock import release_lock, take_lock
from segue.store.engine.database_file import check_file
from segue.store.maintenance.file_swap import recover_interrupted_swap
from segue.store.maintenance.temp_files import BACKUP, RESTORE, remove_stale_temp_files


@contextmanager
def hold_locks(paths: Paths) -> Iterator[None]:
    """Hold the lock of the database and the lock of the socket inside the context.

    The caller opens the database and binds the socket inside. What an interrupted restore or backup left is repaired
    first, because only the holder of the lock may touch it.

    Raises:
        AlreadyRunning: another process holds one of the locks.
        StartError: a path cannot be used.
    """
    check_socket_length(paths.socket)
    check_file(paths.database)
    prepare_directory(paths.database.parent, "database")
    prepare_directory(paths.socket.parent, "socket")
    database = take_lock(paths.lock, str(paths.database))
    try:
        socket = take_lock(paths.socket.with_name(paths.socket.name + ".lock"), str(paths.socket))
        try:
            recover_interrupted_swap(paths.database)
            remove_stale_temp_files(paths.database.parent, BACKUP, RESTORE)
            yield
        finally:
            release_lock(socket)
    finally:
        release_lock(database)
