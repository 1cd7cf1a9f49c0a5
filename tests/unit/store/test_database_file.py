import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from segue.errors import StartError
from segue.files import prepare_directory
from segue.store.engine.database_file import APPLICATION_ID, check_file, prepare_file, wide_files
from tests.support.system.users import AM_ROOT, NOBODY


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def refusal(function: Callable[..., None], *arguments: object) -> str:
    with pytest.raises(StartError) as caught:
        function(*arguments)
    assert caught.value.exit_code == 1
    return str(caught.value)


@pytest.mark.usefixtures("umask")
def test_a_new_directory_is_private(tmp_path: Path) -> None:
    prepare_directory(tmp_path / "data", "database")
    assert mode(tmp_path / "data") == 0o700


@pytest.mark.parametrize("kept", [0o700, 0o755, 0o750, 0o500], ids=oct)
def test_a_directory_that_only_its_owner_can_write_is_unchanged(tmp_path: Path, kept: int) -> None:
    tmp_path.joinpath("data").mkdir()
    tmp_path.joinpath("data").chmod(kept)
    prepare_directory(tmp_path / "data", "database")
    assert mode(tmp_path / "data") == kept


@pytest.mark.parametrize("wide", [0o777, 0o775, 0o757, 0o720, 0o702, 0o1777], ids=oct)
def test_a_directory_that_other_users_can_write_is_refused_with_the_fix(tmp_path: Path, wide: int) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(wide)
    reason = refusal(prepare_directory, folder, "socket")
    assert reason.startswith("socket: ")
    fix = "choose another directory" if wide & 0o1000 else f"run: chmod 700 {folder}"
    assert reason.endswith(f"(mode {wide:04o}); {fix}")
    assert mode(folder) == wide


def test_a_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert f"belongs to user {os.getuid()}" in refusal(prepare_directory, tmp_path, "database")


def test_a_file_at_the_path_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refusal(prepare_directory, tmp_path / "file", "database")
    assert refusal(prepare_directory, tmp_path / "file" / "deep", "database").startswith("database: ")


@pytest.mark.usefixtures("umask")
def test_a_new_database_is_private(path: Path) -> None:
    prepare_file(path)
    assert (mode(path), path.read_bytes()) == (0o600, b"")


@pytest.mark.parametrize("wide", [0o644, 0o666, 0o660, 0o604, 0o640, 0o777], ids=oct)
def test_a_database_that_other_users_can_read_is_made_private_and_kept(path: Path, wide: int) -> None:
    path.write_bytes(b"kept")
    companions = [Path(f"{path}-wal"), Path(f"{path}-shm")]
    for file in (path, *companions):
        file.touch()
        file.chmod(wide)
    prepare_file(path)
    assert [mode(file) for file in (path, *companions)] == [0o600] * 3
    assert path.read_bytes() == b"kept"


def test_missing_companions_are_not_created(path: Path) -> None:
    prepare_file(path)
    assert list(path.parent.iterdir()) == [path]


def test_a_path_that_is_no_regular_file_is_refused(path: Path, tmp_path: Path) -> None:
    path.mkdir()
    assert refusal(prepare_file, path).startswith("database: ")
    path.rmdir()
    os.mkfifo(path)
    assert refusal(prepare_file, path).startswith("database: ")
    path.unlink()
    (tmp_path / "other").touch(mode=0o644)
    for target in ("other", "nowhere"):
        path.symlink_to(target)
        assert "symbolic link" in refusal(prepare_file, path)
        path.unlink()
    assert mode(tmp_path / "other") == 0o644
    assert not (tmp_path / "nowhere").exists()


def test_a_link_at_the_path_of_a_companion_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "other").touch(mode=0o644)
    wal = Path(f"{path}-wal")
    for target in ("other", "nowhere"):
        wal.symlink_to(target)
        assert refusal(prepare_file, path) == f"database: cannot open {wal}: is a symbolic link; move it away"
        wal.unlink()
    assert mode(tmp_path / "other") == 0o644
    assert not (tmp_path / "nowhere").exists()


def test_a_companion_that_is_no_regular_file_is_named(path: Path) -> None:
    os.mkfifo(f"{path}-shm")
    assert refusal(prepare_file, path) == f"database: cannot open {path}-shm: not a regular file"


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch(mode=0o644)
    if AM_ROOT:
        os.chown(path, NOBODY, NOBODY)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "belongs to user" in refusal(prepare_file, path)
    assert mode(path) == 0o644


INCOMPLETE = ["", "PRAGMA auto_vacuum = INCREMENTAL", f"PRAGMA application_id = {APPLICATION_ID}"]


@pytest.mark.parametrize("statement", INCOMPLETE)
def test_a_database_that_a_daemon_is_creating_is_accepted(path: Path, statement: str) -> None:
    """A starting daemon has it for a moment, and a daemon that is killed then leaves it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
    check_file(path)


@pytest.mark.parametrize("statement", ["CREATE TABLE t (x)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"])
def test_another_programs_database_is_refused_and_unchanged(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)
    path.chmod(0o644)
    before = path.read_bytes()
    assert "another program" in refusal(check_file, path)
    assert (mode(path), path.read_bytes(), list(path.parent.iterdir())) == (0o644, before, [path])


def test_a_missing_directory_is_reported(tmp_path: Path) -> None:
    assert refusal(prepare_file, tmp_path / "none" / "sessions.db").startswith("database: ")


def test_every_file_with_a_wide_mode_is_reported_with_the_fix(path: Path) -> None:
    files = [path, Path(f"{path}-wal"), Path(f"{path}-shm")]
    for file in files:
        file.touch()
        file.chmod(0o600)
    assert wide_files(path) == []
    for file in files:
        file.chmod(0o640)
    assert wide_files(path) == [f"{file} has mode 0640; run: chmod 600 {file}" for file in files]


def test_missing_files_are_no_problem(path: Path) -> None:
    assert wide_files(path) == []
