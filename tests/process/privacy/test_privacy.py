"""Only the owner has access: every file is private from its first instant, and the kernel identifies every client."""

import os
import re
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segue.runtime import peer_credentials
from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.system.users import AM_ROOT, NOBODY, run_as_nobody
from tests.support.system.watcher import Watcher
from tests.support.wire import Wire

CANARY = "canary-3f2a9c"


def test_every_file_is_private_whatever_the_umask(segued: Segued) -> None:
    segued.config.touch(mode=0o600)
    with Watcher(segued.folder) as watcher:
        for _ in range(5):
            segued.start(umask=0)
            with segued.connect() as wire:
                wire.call("session.create")
                for _ in range(50):
                    wire.call("message.append", working_dir="/w", role="user", content="x" * 5000)
            segued.stop()
    files = {
        "data/sessions.db", "data/sessions.db-wal", "data/sessions.db-shm", "data/sessions.db.lock",
        "data/daemon.json", "run/segued.sock", "run/segued.sock.lock",
    }  # fmt: skip
    assert set(watcher.seen) >= files
    directories = [watcher.seen.pop(name) for name in ("data", "run")]
    assert directories == [{0o700}, {0o700}]
    assert {name: modes for name, modes in watcher.seen.items() if modes != {0o600}} == {}


def test_created_parent_directories_are_private(segued: Segued, tmp_path: Path) -> None:
    segued.database = tmp_path / "a" / "b" / "c" / "sessions.db"
    segued.start(umask=0)
    for folder in ("a", "a/b", "a/b/c"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


def test_files_opened_to_other_users_are_private_after_a_restart(segued: Segued) -> None:
    segued.start().connect().call("session.create", id="s")
    assert segued.kill()
    names = ("sessions.db", "sessions.db-wal", "sessions.db-shm", "sessions.db.lock", "daemon.json")
    paths = [*(segued.database.with_name(name) for name in names), segued.socket, Path(f"{segued.socket}.lock")]
    for path in paths:
        path.chmod(0o666)
    with segued.start().connect() as wire:
        assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in paths} == {path.name: 0o600 for path in paths}
        assert wire.call("session.get", session_id="s")["id"] == "s"
        assert wire.call("daemon.check") == {"ok": True, "problems": []}


def test_check_reports_a_database_opened_to_other_users(segued: Segued) -> None:
    segued.start()
    segued.database.chmod(0o644)
    checked = segued.connect().call("daemon.check")
    assert (checked["ok"], len(checked["problems"])) == (False, 1)
    assert str(segued.database) in checked["problems"][0]
    segued.database.chmod(0o600)


def test_a_symbolic_link_instead_of_a_companion_file_is_not_followed(segued: Segued, tmp_path: Path) -> None:
    other = tmp_path / "letter"
    other.write_text("mine")
    other.chmod(0o644)
    segued.database.parent.mkdir(mode=0o700)
    for suffix in ("-wal", "-shm"):
        link = Path(f"{segued.database}{suffix}")
        link.symlink_to(other)
        code, lines = segued.fail()
        assert (code, len(lines)) == (1, 1)
        assert (other.read_text(), stat.S_IMODE(other.stat().st_mode)) == ("mine", 0o644)
        link.unlink()


KNOCK = """
with socket.socket(socket.AF_UNIX) as one:
    one.settimeout(120)
    one.connect(sys.argv[1])
    try:
        one.sendall(b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\\n')
        print(one.recv(1000))
    except (ConnectionResetError, BrokenPipeError):
        print(b"")
"""


@pytest.fixture
def exposed(open_folder: Path) -> Iterator[Segued]:
    """Return a daemon whose directories every user may enter."""
    segued = Segued(open_folder)
    for place in (segued.database, segued.socket):
        place.parent.mkdir(mode=0o755)
        place.parent.chmod(0o755)
    yield segued
    segued.finish()


def test_another_user_is_rejected_although_the_socket_mode_allows_it(
    exposed: Segued, monkeypatch: pytest.MonkeyPatch
) -> None:
    exposed.start()
    exposed.socket.chmod(0o666)
    if AM_ROOT:
        for _ in range(3):
            assert run_as_nobody(KNOCK, str(exposed.socket)) == "b''"
            with exposed.connect() as owner:
                assert owner.call("daemon.status")["clients"] == 1
        assert exposed.stop() == 0
        assert [line.split("(")[-1] for line in exposed.log if "rejected" in line] == [
            "1 so far)\n",
            "2 so far)\n",
            "3 so far)\n",
        ]
    else:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert peer_credentials.is_same_user(ours)
            monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
            assert not peer_credentials.is_same_user(ours)
    if exposed.socket.exists():
        exposed.socket.chmod(0o600)


def test_the_file_modes_prevent_a_connection_of_another_user(exposed: Segued) -> None:
    exposed.start()
    assert stat.S_IMODE(exposed.socket.stat().st_mode) == 0o600
    if AM_ROOT:
        attempt = f"with socket.socket(socket.AF_UNIX) as one: print(one.connect_ex({str(exposed.socket)!r}))"
        assert run_as_nobody(attempt) == "13"
        assert run_as_nobody(f"print(os.access({str(exposed.database)!r}, os.R_OK))") == "False"


def test_the_kernel_reports_the_peer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_credentials.peer_uid(ours) == os.geteuid()
        assert peer_credentials.is_same_user(theirs)


def test_a_peer_without_credentials_is_rejected() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    ours.close()
    assert not peer_credentials.is_same_user(ours)


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_log_holds_no_client_content(segued: Segued, level: str) -> None:
    segued.start("--log-level", level)
    with segued.connect() as wire:
        wire.call("session.create", id="s", name=f"{CANARY} name", system_prompt=CANARY)
        wire.call("message.append", session_id="s", role="user", content=CANARY, key=CANARY)
        wire.respond("message.append", {"session_id": "s", "role": "user", "content": "other", "key": CANARY})
        wire.respond("message.append", {"session_id": CANARY, "role": CANARY, "content": CANARY})
        wire.ask(CANARY.encode())
        wire.respond("session.get", {"session_id": CANARY})
        wire.call("memory.save", fact=CANARY, category="fact", importance=1)
    assert segued.stop() == 0
    assert not any(CANARY in line for line in segued.log)


def test_deleted_messages_are_not_in_the_file(segued: Segued) -> None:
    def is_purged() -> bool:
        with closing(sqlite3.connect(segued.database)) as connection:
            return bool(connection.execute("SELECT count(*) = 0 FROM messages").fetchone()[0])

    with segued.start().connect() as wire:
        wire.call("session.create", id="s", name=f"name {CANARY}")
        for _ in range(20):
            wire.call("message.append", session_id="s", role="user", content=f"{CANARY} " * 100)
        assert wire.call("session.delete", session_id="s") == {"deleted": True}
        wait_until(is_purged)
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert segued.stop() == 0
    assert CANARY.encode() not in segued.database.read_bytes()


def test_a_crash_writes_no_core_file(segued: Segued) -> None:
    segued.start()
    limits = Path(f"/proc/{segued.pid}/limits")
    if limits.exists():
        assert re.search(r"Max core file size +0 ", limits.read_text())
    assert segued.connect().call("daemon.ping") == "pong"


RUNTIME = {"unset": None, "empty": "", "relative": "run", "missing": "/none/such", "wide": "wide", "foreign": "foreign"}


@pytest.fixture
def runtime(segued: Segued, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return an environment without segue's variables, with XDG_RUNTIME_DIR as the parameter says."""
    kind = request.param
    environment = {"PATH": segued.environment["PATH"], "HOME": str(segued.folder), "LANG": "C.UTF-8"}
    value = RUNTIME.get(kind, kind)
    if kind in ("wide", "foreign", "private", "linked"):
        folder = segued.folder / "runtime"
        folder.mkdir(mode=0o700)
        value = str(folder)
        if kind == "wide":
            folder.chmod(0o755)
        if kind == "linked":
            value = str(segued.folder / "link")
            Path(value).symlink_to(folder)
        if kind == "foreign":
            value = "/usr" if not AM_ROOT else value
            if AM_ROOT:
                os.chown(folder, NOBODY, NOBODY)
    return environment if value is None else {**environment, "XDG_RUNTIME_DIR": value}


@pytest.mark.parametrize("runtime", [*RUNTIME, "linked"], indirect=True)
def test_the_socket_is_beside_the_data_without_a_private_runtime_directory(
    segued: Segued, runtime: dict[str, str]
) -> None:
    data = segued.folder / ".local" / "share" / "segue"
    segued.database, segued.socket = data / "sessions.db", data / "run" / "segued.sock"
    check_found(segued, runtime)
    (data / "run").rename(segued.folder / "run")  # After the check of the data directory.


@pytest.mark.parametrize("runtime", ["private"], indirect=True)
def test_the_socket_is_in_a_subdirectory_of_the_private_runtime_directory(
    segued: Segued, runtime: dict[str, str]
) -> None:
    segued.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    segued.socket = segued.folder / "runtime" / "segue" / "segued.sock"
    check_found(segued, runtime)


def check_found(segued: Segued, environment: dict[str, str]) -> None:
    """Fail unless the daemon serves at the expected paths and its record names them."""
    segued.start(env=environment, cwd=segued.folder, umask=0)
    with Wire(segued.socket) as wire:
        status = wire.call("daemon.status")
    assert (status["socket"], status["database"]["path"]) == (str(segued.socket), str(segued.database))
    assert f'"socket": "{segued.socket}"' in segued.record.read_text()
    assert segued.log[0] == f"segued: ready on {segued.socket}\n"
    assert [stat.S_IMODE(place.parent.stat().st_mode) for place in (segued.socket, segued.database)] == [0o700, 0o700]
    assert segued.stop() == 0


@pytest.mark.skipif(not AM_ROOT, reason="only root can run a process of another user")
def test_nothing_is_sent_to_a_socket_of_another_user(segued: Segued, unserved: Cli) -> None:
    segued.socket.parent.mkdir(mode=0o755)
    listen = f"""
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind({str(segued.socket)!r})
os.chmod({str(segued.socket)!r}, 0o666)
os.setuid({NOBODY})
listener.listen(1)
print("ready", flush=True)
sys.stdout.write(repr(listener.accept()[0].recv(100)))
"""
    with subprocess.Popen([sys.executable, "-c", listen], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        outcome = unserved.run("add", "a secret")
        received = other.stdout.read()
    assert (outcome.code, received) == (4, "b''")
    assert "another user listens there" in outcome.err
    segued.socket.unlink()
    segued.socket.parent.chmod(0o700)
