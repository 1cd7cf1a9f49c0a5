"""One daemon per database and per socket, held for life."""

from collections.abc import Iterator
from contextlib import contextmanager

from segue.files import prepare_directory
from segue.paths import Paths, check_socket_length
from segue.runtime.lock import release_lock, take_lock
from segue.store.engine.database_file import check_file
from segue.store.maintenance.file_swap import undo_unfinished
from segue.store.maintenance.temp_files import BACKUP, RESTORE, sweep


@contextmanager
def own(paths: Paths) -> Iterator[None]:
    """Hold the database's lock and the socket's for the length of the context.

    Taken before the database is opened or the socket touched. Raises AlreadyRunning or StartError.
    """
    check_socket_length(paths.socket)
    check_file(paths.database)
    prepare_directory(paths.database.parent, "database")
    prepare_directory(paths.socket.parent, "socket")
    database = take_lock(paths.lock, str(paths.database))
    try:
        socket = take_lock(paths.socket.with_name(paths.socket.name + ".lock"), str(paths.socket))
        try:
            undo_unfinished(paths.database)
            sweep(paths.database.parent, BACKUP, RESTORE)
            yield
        finally:
            release_lock(socket)
    finally:
        release_lock(database)
