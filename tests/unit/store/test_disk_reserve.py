"""The reserve of disk space is released once and allocated again when the disk has space."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from segue.store.engine.disk_reserve import ATTEMPT_SECONDS, RESERVE_BYTES, DiskReserve
from tests.support.clock import HandClock


class Disk:
    """A disk that is full while `full` is set, and never has more than `most` bytes."""

    def __init__(self) -> None:
        self.full = False
        self.most = RESERVE_BYTES[0]
        self.attempts = 0

    def allocate(self, descriptor: int, offset: int, length: int) -> None:
        self.attempts += 1
        if self.full or length > self.most:
            raise OSError
        os.ftruncate(descriptor, offset + length)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(os, "posix_fallocate", disk.allocate)
    return disk


def open_files(directory: Path) -> list[int]:
    """Return the allocated bytes of each open file in DIRECTORY, with a name or without."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(link.readlink()).startswith(f"{directory}/"):
                found.append(link.stat().st_blocks * 512)
    return found


def test_the_reserve_has_no_name_and_its_space_is_allocated(tmp_path: Path) -> None:
    reserve = DiskReserve(tmp_path / "s.db")
    [allocated] = open_files(tmp_path)
    assert allocated >= RESERVE_BYTES[0]
    assert list(tmp_path.iterdir()) == []
    reserve.close()
    assert open_files(tmp_path) == []


def test_a_released_reserve_is_allocated_again_when_the_disk_has_space(tmp_path: Path, disk: Disk) -> None:
    clock = HandClock()
    reserve = DiskReserve(tmp_path / "s.db", clock.monotonic)
    disk.full = True
    assert reserve.release()
    assert reserve.released
    assert not reserve.release()
    clock.pass_time(int(ATTEMPT_SECONDS * 1000) + 1)
    assert not reserve.allocate_again()
    disk.full = False
    assert not reserve.allocate_again(), "the last attempt was less than a second ago"
    assert disk.attempts == 2
    clock.pass_time(int(ATTEMPT_SECONDS * 1000) + 1)
    assert reserve.allocate_again()
    assert not reserve.released
    assert reserve.release()


def test_a_disk_with_little_space_has_a_smaller_reserve(tmp_path: Path, disk: Disk) -> None:
    disk.most = RESERVE_BYTES[-1]
    clock = HandClock()
    reserve = DiskReserve(tmp_path / "s.db", clock.monotonic)
    assert max(open_files(tmp_path)) <= RESERVE_BYTES[-1]
    assert reserve.release()
    clock.pass_time(int(ATTEMPT_SECONDS * 1000) + 1)
    assert reserve.allocate_again()
    reserve.close()


def test_without_space_at_the_start_there_is_no_reserve(tmp_path: Path, disk: Disk) -> None:
    disk.full = True
    reserve = DiskReserve(tmp_path / "s.db")
    assert not reserve.release()
    assert not reserve.released
    disk.full = False
    reserve.allocate()
    reserve.allocate()
    assert reserve.release()


def test_held_writes_resume_with_a_reserve_if_the_disk_has_space(tmp_path: Path, disk: Disk) -> None:
    disk.full = True
    clock = HandClock()
    reserve = DiskReserve(tmp_path / "s.db", clock.monotonic)
    reserve.hold()
    disk.full = False
    clock.pass_time(int(ATTEMPT_SECONDS * 1000) + 1)
    assert not reserve.allocate_again()
    reserve.resume()
    assert not reserve.released
    assert reserve.release()
    assert reserve.released
