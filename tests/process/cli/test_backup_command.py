"""`segue backup`: the command line and its messages."""

import json
from pathlib import Path

from tests.process.command_line import Cli
from tests.support.system.copies import check_copy


def test_a_relative_path_is_one_from_here(segue: Cli, project: Path) -> None:
    segue.ok("add", "hello")
    outcome = segue.ok("backup", "copy.db")
    assert outcome.out.startswith(f"{project / 'copy.db'} (")
    check_copy(project / "copy.db")
    assert json.loads(segue.ok("backup", "./sub/../other.db", "--json").out) == {
        "path": str(project / "other.db"),
        "bytes": (project / "other.db").stat().st_size,
    }


def test_what_exists_is_overwritten_only_if_asked(segue: Cli, project: Path) -> None:
    segue.ok("backup", "copy.db")
    refused = segue.run("backup", "copy.db")
    assert (refused.code, refused.out) == (1, "")
    assert (
        refused.err
        == f"segue: {project / 'copy.db'} exists; name another file, or overwrite it (overwrite=true, --overwrite)\n"
    )
    segue.ok("backup", "--overwrite", "copy.db")


def test_odd_paths_are_reported_on_one_line(segue: Cli, project: Path) -> None:
    (project / "folder").mkdir()
    for path, code in (("folder", 1), ("folder/", 1), ("none/", 1), ("", 2), (b"\xff.db", 2), ("x" * 300, 1)):
        outcome = segue.run("backup", path)
        assert (outcome.code, outcome.out) == (code, ""), outcome
        assert "Traceback" not in outcome.err
    assert [path.name for path in project.iterdir()] == ["folder"]


def test_a_name_cannot_drive_the_terminal(segue: Cli, project: Path) -> None:
    assert "\x1b]" not in segue.ok("backup", "a\x1b]0;x\x07.db").out
    check_copy(project / "a\x1b]0;x\x07.db")
