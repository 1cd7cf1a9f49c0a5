"""One daemon per database and per socket, held for life."""

from collections.abc import Iterator
from contextlib import contextmanager

from segue.files import prepare_directory
from segue.paths import Places, check_socket_length
from segue.runtime.lock import release_lock, take_lock
from segue.store.engine.database_file import check_file
from segue.store.maintenance.file_swap import undo_unfinished
from segue.store.maintenance.temp_files import BACKUP, RESTORE, sweep


@contextmanager
def own(places: Places) -> Iterator[None]:
    """Hold the database's lock and the socket's for the length of the context.

    Taken before the database is opened or the socket touched. Raises AlreadyRunning or StartError.
    """
    check_socket_length(places.socket)
    check_file(places.database)
    prepare_directory(places.database.parent, "database")
    prepare_directory(places.socket.parent, "socket")
    database = take_lock(places.lock, str(places.database))
    try:
        socket = take_lock(places.socket.with_name(places.socket.name + ".lock"), str(places.socket))
        try:
            undo_unfinished(places.database)
            sweep(places.database.parent, BACKUP, RESTORE)
            yield
        finally:
            release_lock(socket)
    finally:
        release_lock(database)
