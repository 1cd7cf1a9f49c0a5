"""The reader on the page history-plugins works as a package of another author: found, imported and opened."""

import json
from pathlib import Path

import pytest

from segue.manual import read_topic
from tests.process.command_line import Cli
from tests.process.docs.blocks import blocks
from tests.support.process import Segued

METADATA = "Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a folder of packages in which the one of the page is installed."""
    page = read_topic("history-plugins")
    [code], [project] = blocks(page, "python"), blocks(page, "ini")
    group, entry = project.strip().splitlines()
    group = group.replace("project.entry-points.", "").replace('"', "")
    about = tmp_path / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(METADATA)
    (about / "entry_points.txt").write_text(f"{group}\n{entry.replace(chr(34), '')}\n")
    (tmp_path / "my_package.py").write_text(code)
    return tmp_path


def test_the_reader_of_the_page_adds_its_tool(segue: Cli, segued: Segued, package: Path) -> None:
    notes = Path(segued.environment["HOME"]) / ".notes"
    notes.mkdir()
    said = {"role": "user", "text": "Feed the zebra", "at": "2026-11-28T03:00:00Z"}
    (notes / "monday.jsonl").write_text(f"{json.dumps(said)}\n{{damaged\n{{}}\n")
    with_package = segue.given(PYTHONPATH=str(package))
    assert with_package.run("import", "notes", "--json").json["problems"] == [
        f"{notes / 'monday.jsonl'}: the reader of notes does not know its form (KeyError: 'role')"
    ]
    (notes / "monday.jsonl").write_text(f"{json.dumps(said)}\n{{damaged\n")
    assert "notes\t1" in with_package.ok("import", "--list").out
    counts = with_package.ok("import", "notes", "--json").json
    assert (counts["added"], counts["skipped"]) == (1, {"damaged line": 1})
    [session] = segued.connect().call("session.list", source="notes")["sessions"]
    assert session["last_message_at"] == "2026-11-28T03:00:00.000Z"
    assert with_package.ok("open", "--print", session["id"]).out == "notes --open monday\n"
