"""A removed or replaced database file is found, with one system call while nothing in the directory changes."""

import os
import time
from pathlib import Path

import pytest

from segue.store.engine import file_guard
from segue.store.engine.file_guard import SETTLED_NS, FileGuard


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    for suffix in ("", "-wal", "-shm", ".lock"):
        Path(f"{directory}/s.db{suffix}").touch()
    return directory / "s.db"


def settle(path: Path) -> None:
    """Make the last change of the directory old enough to be reliable."""
    old = time.time_ns() - 10 * SETTLED_NS
    os.utime(path.parent, ns=(old, old))


@pytest.fixture
def guard(path: Path) -> FileGuard:
    guard = FileGuard(path)
    settle(path)
    assert guard.find_replaced() is None
    return guard


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".lock"])
def test_a_removed_file_is_found_and_stays_found(path: Path, guard: FileGuard, suffix: str) -> None:
    file = Path(f"{path}{suffix}")
    file.rename(f"{file}.away")
    problem = guard.find_replaced()
    assert problem is not None
    assert str(file) in problem
    Path(f"{file}.away").rename(file)
    assert guard.replaced
    assert guard.find_replaced() == problem


def test_a_replaced_file_is_found(path: Path, guard: FileGuard) -> None:
    other = path.with_name("other")
    other.touch()
    other.rename(path)
    assert guard.find_replaced() is not None


def test_a_replaced_directory_is_found(path: Path, guard: FileGuard) -> None:
    path.parent.rename(path.parent.with_name("away"))
    assert guard.find_replaced() is not None


def test_another_file_in_the_directory_changes_nothing(path: Path, guard: FileGuard) -> None:
    path.with_name("other").touch()
    assert guard.find_replaced() is None
    settle(path)
    assert guard.find_replaced() is None


def test_a_change_right_after_a_check_is_found(path: Path) -> None:
    guard = FileGuard(path)
    path.with_name("other").touch()
    assert guard.find_replaced() is None
    changed = path.parent.stat().st_mtime_ns
    path.unlink()
    os.utime(path.parent, ns=(changed, changed))  # as if both changes were in one tick of the clock
    assert guard.find_replaced() is not None


def test_the_files_are_not_looked_at_while_the_directory_is_unchanged(
    guard: FileGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def identity(name: str, default: tuple[int, int] | None = None) -> tuple[int, int] | None:
        looked_at.append(name)
        return default

    monkeypatch.setattr(file_guard, "_identity", identity)
    for _ in range(3):
        assert guard.find_replaced() is None
    assert looked_at == []
    assert guard.check_all() is None
    assert len(looked_at) == 4
