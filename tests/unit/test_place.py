"""The project of a directory: the root of its git repository, found without git."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from segue.config import SessionConfig
from segue.runtime import place
from tests.support.system.repositories import create_layouts, create_repository


def test_each_directory_has_the_root_of_its_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    expected = create_layouts(tmp_path)
    found = {directory: place.find_project(str(directory)) for directory in expected}
    assert found == {directory: None if root is None else str(root) for directory, root in expected.items()}


def test_a_directory_without_permission_hides_no_repository_above(tmp_path: Path) -> None:
    create_repository(tmp_path / "main")
    (tmp_path / "main" / "locked" / "x").mkdir(parents=True)
    (tmp_path / "main" / "locked").chmod(0)
    try:
        assert place.find_project(str(tmp_path / "main" / "locked" / "x")) == str(tmp_path / "main")
    finally:
        (tmp_path / "main" / "locked").chmod(0o700)


def test_the_home_directory_is_compared_by_its_physical_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_repository(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    assert place.find_project(str(tmp_path / "real")) is None


@pytest.mark.parametrize("home", ["", None])
def test_without_a_home_directory_every_repository_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    create_repository(tmp_path / "main")
    monkeypatch.chdir(tmp_path / "main")
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    assert place.find_project(str(tmp_path / "main")) == str(tmp_path / "main")


def test_variables_of_git_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("main", "other"):
        create_repository(tmp_path / name)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert place.find_project(str(tmp_path / "main")) == str(tmp_path / "main")
    assert place.find_project(str(tmp_path)) is None


def test_the_place_has_the_project_and_the_configured_scope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_repository(tmp_path / "main")
    (tmp_path / "main" / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "main" / "sub")
    monkeypatch.chdir(tmp_path / "link")
    here = {"working_dir": str(tmp_path / "main" / "sub"), "project": str(tmp_path / "main")}
    assert place.current_place(None) == {**here, "scope": "project"}
    assert place.current_place(SessionConfig(scope="directory")) == {**here, "scope": "directory"}
    monkeypatch.chdir(tmp_path)
    assert place.current_place(None) == {"working_dir": str(tmp_path)}


def test_a_process_without_a_terminal_has_none() -> None:
    code = "from segue.runtime.place import find_terminal; print(find_terminal())"
    done = subprocess.run(
        [sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert done.stdout == "None\n"


def test_the_start_time_of_a_process_is_found_with_and_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place._start_time(os.getpid()).isdecimal()
    monkeypatch.setattr(place, "_read", lambda _: "")
    assert place._start_time(os.getpid()).endswith(time.strftime("%Y", time.gmtime()))
