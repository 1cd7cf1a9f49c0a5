"""A backup is consistent, private, and whole or absent, while clients write and read."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from segue.errors import StorageError
from segue.store.maintenance.temp_files import BACKUP
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.copies import check_copy, ids_in
from tests.support.system.watcher import Watcher
from tests.support.wire import Wire

WRITERS = 8
MEBIBYTE = 1024 * 1024


class Writer:
    """A client that appends to its own session until `stop`."""

    def __init__(self, number: int, segued: Segued) -> None:
        self.session = f"writer-{number}"
        self.answered: list[int] = []
        self.failure: Exception | None = None
        self._segued = segued
        self._done = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            with Wire(self._segued.socket) as wire:
                wire.call("session.create", id=self.session)
                while not self._done.is_set():
                    text = "word " * (len(self.answered) * 37 % 500)
                    made = wire.call("message.append", session_id=self.session, role="user", content=text)
                    self.answered.append(made["message_id"])
        except Exception as failure:  # noqa: BLE001 - the test raises it in `stop`
            self.failure = failure

    def stop(self) -> None:
        self._done.set()
        self.thread.join()
        assert self.failure is None, self.failure


@contextmanager
def writers(segued: Segued) -> Iterator[list[Writer]]:
    """Run clients that append."""
    running = [Writer(number, segued) for number in range(WRITERS)]
    for writer in running:
        writer.thread.start()
    try:
        wait_until(lambda: all(writer.answered or writer.failure for writer in running))
        yield running
    finally:
        for writer in running:
            writer.stop()


def fill(wire: Wire, mebibytes: int) -> None:
    """Make the database large, with messages of one word."""
    wire.call("session.create", id="large")
    for _ in range(mebibytes):
        wire.call("message.append", session_id="large", role="tool", content="x" * MEBIBYTE)


def test_backups_are_consistent_while_eight_clients_write(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    with writers(segued) as running:
        for number in range(5):
            before = {writer.session: list(writer.answered) for writer in running}
            target = shelf / f"{number}.db"
            made = wire.call("daemon.backup", path=str(target))
            assert made == {"path": str(target), "bytes": target.stat().st_size}
            check_copy(target)
            for session, ids in before.items():
                assert ids_in(target, session)[: len(ids)] == ids
    assert sorted(path.name for path in shelf.iterdir()) == [f"{number}.db" for number in range(5)]
    assert wire.call("daemon.check", full=True)["problems"] == []


def test_a_backup_is_always_private_and_whole_under_its_name(segued: Segued, shelf: Path) -> None:
    wire = segued.start(umask=0).connect()
    fill(wire, 4)
    target = shelf / "copy.db"
    wire.call("daemon.backup", path=str(target))
    inodes = set()
    with Watcher(shelf) as watcher:
        for _ in range(10):
            wire.post("daemon.backup", path=str(target), overwrite=True)
            check_copy(target)
            assert wire.answer()["result"]["bytes"] == target.stat().st_size
            inodes.add(target.stat().st_ino)
    assert len(inodes) > 1, "each backup is a new file that is renamed"
    assert any(name.startswith(BACKUP) for name in watcher.seen)
    directories = {name for name in watcher.seen if name.startswith(BACKUP) and "/" not in name}
    for name, modes in watcher.seen.items():
        assert modes == ({0o700} if name in directories else {0o600}), name


def test_clients_write_and_read_during_a_backup(segued: Segued, shelf: Path) -> None:
    wire, other = segued.start().connect(), segued.connect()
    fill(wire, 40)
    wire.post("daemon.backup", path=str(shelf / "copy.db"))
    wait_until(lambda: any(shelf.iterdir()))
    answered = 0
    while any(path.name.startswith(BACKUP) for path in shelf.iterdir()):
        other.call("message.append", session_id="large", role="user", content="meanwhile")
        other.call("session.list")
        answered += 1
    assert answered > 1
    assert wire.answer()["result"]["bytes"] > 40 * MEBIBYTE
    check_copy(shelf / "copy.db")


def test_a_backup_can_be_served(segued: Segued, tmp_path: Path) -> None:
    wire = segued.start().connect()
    sent = wire.call("message.append", working_dir="/w", role="user", content="How do I sort?", parts=[{"text": "ä"}])
    copy = Segued(tmp_path / "second")
    copy.database.parent.mkdir(parents=True, mode=0o700)
    wire.call("daemon.backup", path=str(copy.database))
    try:
        found = copy.start().connect().call("message.search", query="sort")
        assert [hit["message_id"] for hit in found["hits"]] == [sent["message_id"]]
        assert copy.connect().call("session.list") == wire.call("session.list")
        assert copy.connect().call("daemon.check", full=True)["ok"]
    finally:
        copy.finish()


def test_a_backup_does_not_contain_deleted_text(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="s")
    for number in range(300):
        wire.call("message.append", session_id="s", role="user", content=f"canary77{number} " * 50)
    assert wire.call("message.search", query="canary77*")["total"] == 300, "all are in the index"
    wire.call("session.delete", session_id="s")
    wire.call("daemon.backup", path=str(shelf / "copy.db"))
    check_copy(shelf / "copy.db")
    assert b"canary77" not in (shelf / "copy.db").read_bytes().lower()


def test_a_client_that_disconnects_leaves_a_whole_backup(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    fill(wire, 4)
    with segued.connect() as hasty:
        hasty.post("daemon.backup", path=str(shelf / "copy.db"))
    wait_until((shelf / "copy.db").exists)
    wire.call("daemon.backup", path=str(shelf / "later.db"))
    check_copy(shelf / "copy.db")


def test_concurrent_backups_are_all_made(segued: Segued, shelf: Path) -> None:
    clients = [segued.connect() for _ in range(4) if segued.process or segued.start()]
    for number, client in enumerate(clients):
        client.post("daemon.backup", path=str(shelf / f"{number}.db"))
    for number, client in enumerate(clients):
        assert "result" in client.answer()
        check_copy(shelf / f"{number}.db")


def suspend_during_backup(segued: Segued, shelf: Path) -> Wire:
    """Suspend the daemon during a backup and return the connection that requested it."""
    wire = segued.connect()
    for attempt in range(50):
        wire.post("daemon.backup", path=str(shelf / f"{attempt}.db"))
        wait_until(lambda: any(shelf.iterdir()))
        os.kill(segued.pid, signal.SIGSTOP)
        if any(path.name.startswith(BACKUP) for path in shelf.iterdir()) and not (shelf / f"{attempt}.db").exists():
            return wire
        os.kill(segued.pid, signal.SIGCONT)
        wire.answer()
        (shelf / f"{attempt}.db").unlink()
    raise AssertionError("every backup ended before the daemon was suspended")


def test_the_temporary_file_of_a_killed_daemon_is_removed(segued: Segued, shelf: Path) -> None:
    fill(segued.start().connect(), 20)
    suspend_during_backup(segued, shelf)
    segued.kill()
    assert all(path.name.startswith(f"{BACKUP}{segued.pid}-") for path in shelf.iterdir())
    segued.start().connect().call("daemon.backup", path=str(shelf / "copy.db"))
    assert [path.name for path in shelf.iterdir()] == ["copy.db"]
    check_copy(shelf / "copy.db")


def test_a_stopped_daemon_leaves_a_whole_backup_or_none(segued: Segued, shelf: Path) -> None:
    fill(segued.start().connect(), 20)
    wire = suspend_during_backup(segued, shelf)
    assert segued.process is not None
    segued.process.send_signal(signal.SIGTERM)
    segued.process.send_signal(signal.SIGCONT)
    answer = wire.answer()
    assert segued.wait() == 0
    if "result" in answer:
        check_copy(Path(answer["result"]["path"]))
    assert [path.name for path in shelf.iterdir() if path.name.startswith(BACKUP)] == []


def test_a_forced_stop_interrupts_a_backup_and_leaves_no_file(segued: Segued, shelf: Path) -> None:
    fill(segued.start().connect(), 40)
    suspend_during_backup(segued, shelf)
    assert segued.process is not None
    for _ in range(2):
        segued.process.send_signal(signal.SIGTERM)
        os.kill(segued.pid, signal.SIGCONT)
        wait_until(lambda: segued.process is None or segued.process.poll() is not None or not accepts(segued))
    assert segued.wait() == 0
    assert [path for path in shelf.iterdir() if path.name.startswith(BACKUP)] == []


def accepts(segued: Segued) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(segued.socket)) == 0


def test_only_temporary_files_of_dead_processes_are_removed(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    kept = [f"{BACKUP}{os.getpid()}-ab", f"{BACKUP}x-ab", f"{BACKUP}{10**30}-ab", f"{BACKUP}", "segue-backup-1-ab"]
    for name in [*kept, f"{BACKUP}{gone.pid}-ab"]:
        (shelf / name).touch(mode=0o600)
    wire.call("daemon.backup", path=str(shelf / "copy.db"))
    swept = {f"{BACKUP}{10**30}-ab"}
    assert {path.name for path in shelf.iterdir()} == {"copy.db", *kept} - swept


@contextmanager
def no_larger_files(segued: Segued, limit: int) -> Iterator[None]:
    """Limit the size of the daemon's files, as a full disk would."""
    before = resource.prlimit(segued.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(segued.pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(segued.pid, resource.RLIMIT_FSIZE, before)


def test_a_full_disk_fails_the_backup_and_changes_nothing(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    fill(wire, 4)
    wire.call("daemon.backup", path=str(shelf / "old.db"))
    old = (shelf / "old.db").read_bytes()
    with no_larger_files(segued, MEBIBYTE):
        for name, overwrite in (("new.db", False), ("old.db", True)):
            with pytest.raises(StorageError) as caught:
                wire.call("daemon.backup", path=str(shelf / name), overwrite=overwrite)
            assert (caught.value.data, str(shelf) in caught.value.message) == ({"reason": "full"}, True)
    assert [path.name for path in shelf.iterdir()] == ["old.db"]
    assert (shelf / "old.db").read_bytes() == old
    wire.call("daemon.backup", path=str(shelf / "new.db"))
