"""A backup writes its copy to the disk in small pieces, because an append waits for what the disk is writing."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segue.errors import ShuttingDown, StorageError
from segue.runtime.progress import Progress
from segue.store.engine.connection import Reader, connect_reader, connect_writer
from segue.store.maintenance import backup

ROW_BYTES = 20_000


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Connect to a database of four pieces."""
    path = tmp_path / "sessions.db"
    with closing(connect_writer(path, "normal")) as connection:
        rows = range(4 * backup.PIECE_BYTES // ROW_BYTES)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages (session_id, role, created_at, content) VALUES ('a', 'user', '', ?)",
            [("x" * ROW_BYTES,) for _ in rows],
        )
        connection.execute("COMMIT")
    with closing(connect_reader(path)) as connection:
        yield connection


def back_up(reader: Reader, target: Path) -> int:
    return backup.back_up(reader, target, Progress("backup"), overwrite=False, reserved=())


def test_a_copy_is_synced_in_pieces_while_it_grows(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    sync = os.fsync

    def record(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    size = back_up(reader, tmp_path / "copy.db")
    synced = [one for one in sizes if one >= backup.PIECE_BYTES]  # The last sync is of the directory.
    assert synced[-1] == size
    assert max(after - before for before, after in zip([0, *synced], synced, strict=False)) < 3 * backup.PIECE_BYTES


def test_a_failed_sync_of_a_piece_fails_the_backup(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync, failures = os.fsync, [OSError(errno.EIO, os.strerror(errno.EIO))]

    def fail_once(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fail_once)
    with pytest.raises(StorageError, match="Input/output error"):
        back_up(reader, tmp_path / "copy.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sessions.db", "sessions.db-shm", "sessions.db-wal"]


def test_a_backup_whose_caller_has_left_is_interrupted(reader: Reader, tmp_path: Path) -> None:
    reader.leaving = True
    with pytest.raises(ShuttingDown):
        back_up(reader, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
