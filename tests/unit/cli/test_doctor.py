"""The checks of `segue doctor` that a test cannot bring about: other file systems and a full disk."""

import shutil
from pathlib import Path

import pytest

from segue.cli.doctor import files
from segue.cli.doctor.result import State
from segue.paths import PathOptions, resolve_paths

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /home rw - nfs4 server:/home rw
31 30 0:31 / /home/ada/my\040disk rw - tmpfs none rw
32 22 0:32 / /homework rw - btrfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/", "ext4"),
        ("/home", "nfs4"),
        ("/home/ada", "nfs4"),
        ("/home/ada/my disk/x", "tmpfs"),
        ("/homework/x", "btrfs"),
    ],
)
def test_the_file_system_is_that_of_the_closest_mount_point(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert files.file_system(Path(folder), mounts) == kind
    assert files.file_system(Path(folder), tmp_path / "none") is None


@pytest.mark.parametrize(
    ("kind", "free", "states"),
    [
        ("ext4", 1 << 40, [("space", State.OK)]),
        (None, 1 << 29, [("space", State.WARN)]),
        ("ext4", 1 << 20, [("space", State.FAIL)]),
        ("nfs4", 1 << 40, [("disk", State.FAIL), ("space", State.OK)]),
        ("fuse.sshfs", 1 << 40, [("disk", State.FAIL), ("space", State.OK)]),
        ("tmpfs", 1 << 40, [("disk", State.WARN), ("space", State.OK)]),
        ("fuseblk", 1 << 40, [("space", State.OK)]),
    ],
)
def test_a_place_for_the_database_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str | None, free: int, states: list[tuple[str, State]]
) -> None:
    class Usage:
        def __init__(self) -> None:
            self.free = free

    monkeypatch.setattr(files, "file_system", lambda _: kind)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage())
    paths = resolve_paths(PathOptions(database=str(tmp_path / "not" / "yet" / "x.db"), socket=str(tmp_path / "s")), {})
    assert [(result.name, result.state) for result in files.check_place(paths)] == states
