"""A copy of everything while everybody writes: consistent, private, whole or not there, and in nobody's way."""

import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from segue.errors import SegueError, StorageError
from segue.store.maintenance.temp_files import BACKUP
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.copies import check_copy, ids_in, rows
from tests.support.system.users import AM_ROOT
from tests.support.system.watcher import Watcher
from tests.support.wire import Wire

WRITERS = 8
MEBIBYTE = 1024 * 1024


class Writer:
    """A client that appends to a session of its own until it is told to stop."""

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
        except Exception as failure:  # noqa: BLE001 - told in the test's own thread
            self.failure = failure

    def stop(self) -> None:
        self._done.set()
        self.thread.join()
        assert self.failure is None, self.failure


@contextmanager
def writers(segued: Segued) -> Iterator[list[Writer]]:
    """Eight clients at work."""
    several = [Writer(number, segued) for number in range(WRITERS)]
    for writer in several:
        writer.thread.start()
    try:
        wait_until(lambda: all(writer.answered or writer.failure for writer in several))
        yield several
    finally:
        for writer in several:
            writer.stop()


def fill(wire: Wire, mebibytes: int) -> None:
    """Make the file large, in messages of one word."""
    wire.call("session.create", id="large")
    for _ in range(mebibytes):
        wire.call("message.append", session_id="large", role="tool", content="x" * MEBIBYTE)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Where copies are put."""
    folder = tmp_path / "shelf"
    folder.mkdir(mode=0o700)
    return folder


def test_copies_are_whole_while_eight_clients_write(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    with writers(segued) as several:
        for number in range(5):
            before = {writer.session: list(writer.answered) for writer in several}
            target = shelf / f"{number}.db"
            made = wire.call("daemon.backup", path=str(target))
            assert made == {"path": str(target), "bytes": target.stat().st_size}
            check_copy(target)
            for session, ids in before.items():
                assert ids_in(target, session)[: len(ids)] == ids
    assert sorted(path.name for path in shelf.iterdir()) == [f"{number}.db" for number in range(5)]
    assert wire.call("daemon.check", full=True)["problems"] == []


def test_a_copy_is_private_from_its_first_instant_and_never_half_under_its_name(segued: Segued, shelf: Path) -> None:
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
    assert len(inodes) > 1, "each was made beside the other and renamed"
    assert any(name.startswith(BACKUP) for name in watcher.seen)
    assert set.union(*watcher.seen.values()) == {0o600}


def test_clients_write_and_read_on_while_a_copy_is_made(segued: Segued, shelf: Path) -> None:
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


def test_a_copy_can_be_served_as_it_is(segued: Segued, tmp_path: Path) -> None:
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


def test_what_was_deleted_before_is_not_in_a_copy(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    wire.call("session.create", id="s")
    for number in range(300):
        wire.call("message.append", session_id="s", role="user", content=f"canary77{number} " * 50)
    assert wire.call("message.search", query="canary77*")["total"] == 300, "all are in the index"
    wire.call("session.delete", session_id="s")
    wire.call("daemon.backup", path=str(shelf / "copy.db"))
    check_copy(shelf / "copy.db")
    assert b"canary77" not in (shelf / "copy.db").read_bytes().lower()


def test_a_client_that_goes_away_leaves_a_whole_copy(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    fill(wire, 4)
    with segued.connect() as hasty:
        hasty.post("daemon.backup", path=str(shelf / "copy.db"))
    wait_until((shelf / "copy.db").exists)
    wire.call("daemon.backup", path=str(shelf / "later.db"))
    check_copy(shelf / "copy.db")


def test_several_at_once_are_made_one_after_the_other(segued: Segued, shelf: Path) -> None:
    clients = [segued.connect() for _ in range(4) if segued.process or segued.start()]
    for number, client in enumerate(clients):
        client.post("daemon.backup", path=str(shelf / f"{number}.db"))
    for number, client in enumerate(clients):
        assert "result" in client.answer()
        check_copy(shelf / f"{number}.db")


def catch_in_the_middle(segued: Segued, shelf: Path) -> Wire:
    """Stop the daemon while it makes a copy; the connection on which that was asked."""
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
    raise AssertionError("it was always too fast")


def test_what_a_killed_daemon_left_of_a_copy_is_removed_by_the_next(segued: Segued, shelf: Path) -> None:
    fill(segued.start().connect(), 20)
    catch_in_the_middle(segued, shelf)
    segued.kill()
    assert all(path.name.startswith(f"{BACKUP}{segued.pid}-") for path in shelf.iterdir())
    segued.start().connect().call("daemon.backup", path=str(shelf / "copy.db"))
    assert [path.name for path in shelf.iterdir()] == ["copy.db"]
    check_copy(shelf / "copy.db")


def test_a_daemon_told_to_stop_leaves_a_whole_copy_or_none(segued: Segued, shelf: Path) -> None:
    fill(segued.start().connect(), 20)
    wire = catch_in_the_middle(segued, shelf)
    assert segued.process is not None
    segued.process.send_signal(signal.SIGTERM)
    segued.process.send_signal(signal.SIGCONT)
    answer = wire.answer()
    assert segued.wait() == 0
    if "result" in answer:
        check_copy(Path(answer["result"]["path"]))
    assert [path.name for path in shelf.iterdir() if path.name.startswith(BACKUP)] == []


def test_a_hurried_end_interrupts_a_copy_and_leaves_nothing_of_it(segued: Segued, shelf: Path) -> None:
    fill(segued.start().connect(), 40)
    catch_in_the_middle(segued, shelf)
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


def test_only_what_dead_processes_left_is_swept(segued: Segued, shelf: Path) -> None:
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
    """The daemon may make no file larger, as on a full disk."""
    before = resource.prlimit(segued.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(segued.pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(segued.pid, resource.RLIMIT_FSIZE, before)


def test_without_room_there_is_an_error_and_nothing_else(segued: Segued, shelf: Path) -> None:
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


def link(shelf: Path) -> Path:
    (shelf / "link.db").symlink_to("elsewhere.db")
    return shelf / "link.db"


def folder(shelf: Path) -> Path:
    (shelf / "folder").mkdir()
    return shelf / "folder"


def fifo(shelf: Path) -> Path:
    os.mkfifo(shelf / "fifo")
    return shelf / "fifo"


def below_a_file(shelf: Path) -> Path:
    (shelf / "letter").touch()
    return shelf / "letter" / "copy.db"


def wide_folder(shelf: Path) -> Path:
    (shelf / "wide").mkdir()
    (shelf / "wide").chmod(0o777)
    return shelf / "wide" / "copy.db"


def beside_a_journal(suffix: str) -> Callable[[Path], Path]:
    def make(shelf: Path) -> Path:
        (shelf / f"copy.db{suffix}").write_text("frames")
        return shelf / "copy.db"

    return make


def letter(shelf: Path) -> Path:
    (shelf / "letter.txt").write_text("mine")
    return shelf / "letter.txt"


def foreign(shelf: Path) -> Path:
    with closing(sqlite3.connect(shelf / "foreign.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    return shelf / "foreign.db"


PLACES: dict[str, tuple[Callable[[Path], Any], tuple[str, str]]] = {
    "relative": (lambda shelf: "copy.db", ("invalid_params", "$.path")),
    "empty": (lambda shelf: "", ("invalid_params", "$.path")),
    "with a NUL": (lambda shelf: f"{shelf}/a\0b", ("invalid_params", "$.path")),
    "no text": (lambda shelf: 5, ("invalid_params", "$.path")),
    "root": (lambda shelf: "/", ("invalid_params", "$.path")),
    "root in disguise": (lambda shelf: "/.", ("invalid_params", "$.path")),
    "a directory": (folder, ("invalid_params", "$.path")),
    "a directory by its slash": (lambda shelf: f"{shelf}/copy.db/", ("invalid_params", "$.path")),
    "nowhere": (lambda shelf: shelf / "none" / "copy.db", ("invalid_params", "$.path")),
    "below a file": (below_a_file, ("invalid_params", "$.path")),
    "too long": (lambda shelf: shelf / ("x" * 256), ("invalid_params", "$.path")),
    "a link": (link, ("invalid_params", "$.path")),
    "a pipe": (fifo, ("invalid_params", "$.path")),
    "a folder of everybody": (wide_folder, ("invalid_params", "$.path")),
    "a device's folder": (lambda shelf: "/dev/null/copy.db", ("invalid_params", "$.path")),
    "a device": (lambda shelf: "/dev/null", ("invalid_params", "$.path")),
    "beside a wal": (beside_a_journal("-wal"), ("conflict", "exists")),
    "beside a journal": (beside_a_journal("-journal"), ("conflict", "exists")),
    "a letter": (letter, ("conflict", "exists")),
    "another program's database": (foreign, ("conflict", "exists")),
}


def file_guard(shelf: Path) -> dict[str, tuple[int, ...]]:
    """Everything in the folder, and all that would show that it was touched; a mere look changes st_atime."""
    found = {str(each): each.lstat() for each in shelf.glob("**/*")}
    return {name: (one.st_ino, one.st_mode, one.st_size, one.st_mtime_ns) for name, one in found.items()}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_a_place_where_no_copy_can_be_is_told_and_left_as_it_is(
    segued: Segued, shelf: Path, place: str, overwrite: bool
) -> None:
    make, (kind, reason) = PLACES[place]
    path = make(shelf)
    before = file_guard(shelf)
    wire = segued.start().connect()
    answer = wire.respond("daemon.backup", {"path": str(path) if path != 5 else 5, "overwrite": overwrite})
    data = answer["error"]["data"]
    assert (data["kind"], data["path"] if kind == "invalid_params" else data["reason"]) == (kind, reason)
    assert file_guard(shelf) == before
    assert wire.call("daemon.ping") == "pong"


def test_no_file_of_the_daemon_itself_is_replaced(segued: Segued) -> None:
    segued.config.touch(mode=0o600)
    wire = segued.start().connect()
    data, run = segued.database.parent, segued.socket.parent
    names = ("sessions.db", "sessions.db-wal", "sessions.db-shm", "sessions.db-journal", "sessions.db.lock")
    paths = [*(data / name for name in (*names, "daemon.json")), *run.iterdir(), segued.config]
    assert len(paths) == 9
    for place in [*paths, data / ".." / "data" / "sessions.db"]:
        with pytest.raises(SegueError) as caught:
            wire.call("daemon.backup", path=str(place), overwrite=True)
        assert (caught.value.kind, caught.value.data["path"]) == ("invalid_params", "$.path")
    assert wire.call("daemon.check") == {"ok": True, "problems": []}


def test_what_exists_is_kept_unless_it_is_a_copy_that_may_be_overwritten(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    target = shelf / "copy.db"
    wire.call("daemon.backup", path=str(target))
    wire.call("session.create", id="later")
    before = target.read_bytes()
    with pytest.raises(SegueError) as caught:
        wire.call("daemon.backup", path=str(target))
    assert (caught.value.kind, caught.value.data) == ("conflict", {"reason": "exists"})
    assert target.read_bytes() == before
    wire.call("daemon.backup", path=str(target), overwrite=True)
    assert rows(target, "SELECT id FROM sessions") == [("later",)]


def test_a_folder_in_which_one_may_not_write_is_told(segued: Segued, shelf: Path) -> None:
    wire = segued.start().connect()
    place = Path("/proc/copy.db") if AM_ROOT else shelf / "copy.db"
    shelf.chmod(0o500)
    data = wire.respond("daemon.backup", {"path": str(place)})["error"]["data"]
    shelf.chmod(0o700)
    assert data["kind"] == "storage" if not AM_ROOT else data["kind"] in ("storage", "invalid_params")
    assert not any(shelf.iterdir())


def test_a_copy_on_a_sticky_folder_of_everybody_is_private(segued: Segued, open_folder: Path) -> None:
    open_folder.chmod(0o1777)
    segued.start().connect().call("daemon.backup", path=str(open_folder / "copy.db"))
    check_copy(open_folder / "copy.db")
