"""Directories above a path in which other users can replace what leads to it."""

from pathlib import Path

import pytest

from segue.files import find_replaceable


@pytest.mark.parametrize(
    ("mode", "replaceable"), [(0o700, False), (0o755, False), (0o777, True), (0o770, True), (0o1777, False)], ids=oct
)
@pytest.mark.parametrize("missing", [False, True])
def test_a_shared_directory_is_found(tmp_path: Path, mode: int, *, replaceable: bool, missing: bool) -> None:
    shared = tmp_path / "shared"
    path = shared / "own" / "file"
    path.parent.mkdir(parents=True)
    if not missing:
        path.touch()
    shared.chmod(mode)
    assert find_replaceable(path) == (shared if replaceable else None)


def test_a_missing_file_in_a_sticky_directory_can_be_created_by_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    assert find_replaceable(tmp_path / "file") == tmp_path
    (tmp_path / "file").touch()
    assert find_replaceable(tmp_path / "file") is None


def test_a_symbolic_link_to_the_directory_is_followed(tmp_path: Path) -> None:
    (tmp_path / "shared" / "own").mkdir(parents=True)
    (tmp_path / "shared").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "shared" / "own")
    assert find_replaceable(tmp_path / "link" / "file") == tmp_path / "shared"
