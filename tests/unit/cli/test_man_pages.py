"""The man pages: built from the manual, installed and removed like unit files."""

from pathlib import Path

import pytest

from segue.cli.integration.man_pages import PAGES, Page, commands_to_read, man_pages, text_of
from segue.cli.integration.roff import to_roff
from segue.cli.main import run

NAMES = ["man1/segue.1", "man1/segued.1", "man5/segue.toml.5", "man7/segue-protocol.7"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the man pages of a new user."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "man"


@pytest.mark.parametrize(
    ("markdown", "roff"),
    [
        ("# Some words\n\nText.", '.SH "SOME WORDS"\nText.\n'),
        ("## Run it\n\nOne.\n\nTwo.", '.SS "Run it"\nOne.\n.PP\nTwo.\n'),
        ("Use `a-b` **now**, *please*.", ".PP\nUse \\fBa\\-b\\fR \\fBnow\\fR, \\fIplease\\fR.\n"),
        ("- one\n- two", ".IP \\(bu 2\none\n.IP \\(bu 2\ntwo\n"),
        ("1. one\n2. two", ".IP 1. 3\none\n.IP 2. 3\ntwo\n"),
        ("```\n.x \\n\n```", ".PP\n.in +4n\n.EX\n\\&.x \\en\n.EE\n.in\n"),
        ("| a | b |\n|---|---|\n| `k` | v |", ".TP\n\\fBk\\fR\nv\n"),
        ("[words](there.md)", ".PP\nwords\n"),
        ("one\n'two", ".PP\none\n\\(aqtwo\n"),
    ],
)
def test_markdown_becomes_macros(markdown: str, roff: str) -> None:
    lines = to_roff(f"# T\n\n{markdown}" if not markdown.startswith("#") else markdown)
    assert lines.removeprefix('.SH "T"\n') == roff.removeprefix(".PP\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_no_text_that_looks_like_a_macro(page: Page) -> None:
    known = {"TH", "SH", "SS", "PP", "TP", "IP", "in", "EX", "EE"}
    assert {line.split()[0][1:] for line in text_of(page).splitlines() if line.startswith(".")} <= known


def test_pages_are_installed_where_man_finds_them_and_removed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["service", "install", "--man"]) == 0
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == NAMES
    assert "now run:\n" in capsys.readouterr().out
    assert run(["service", "install", "--man"]) == 0
    assert run(["service", "uninstall", "--man"]) == 0
    assert list(folder.rglob("*.*")) == []


def test_an_edited_page_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = man_pages()[0]
    page.path.parent.mkdir(parents=True)
    page.path.write_text(".TH MINE 1\n")
    assert run(["service", "install", "--man"]) == 1
    assert "--force" in capsys.readouterr().err
    assert page.path.read_text() == ".TH MINE 1\n"
    assert list(folder.rglob("*.*")) == [page.path]


def test_manpath_is_set_only_if_man_does_not_derive_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert commands_to_read() == [f'export MANPATH="{folder}:$MANPATH"', "man segue"]
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setenv("PATH", f"/usr/bin:{Path.home()}/.local/bin")
    assert commands_to_read() == ["man segue"]
