"""`segue help`: topics from the manual, the help of commands, and suggestions."""

import re
from pathlib import Path

import pytest

from segue.cli import groups
from segue.cli.main import COMMANDS, run
from segue.cli.output.markdown import render
from segue.manual import FOLDER, TOPICS


@pytest.fixture(autouse=True)
def manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "concepts.md").write_text("# Sessions and messages\n\nA session has messages. It has a name.\n")
    (tmp_path / "search.md").write_text("# Search\n\n`*` matches.\n")
    monkeypatch.setattr(groups, "MANUAL", tmp_path)
    return tmp_path


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run([*arguments]) == 0
    return capsys.readouterr().out


def test_topics_are_listed_with_their_first_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert out(capsys, "help").splitlines()[:3] == [
        "Topics:",
        "  concepts  A session has messages",
        "  search    Search",
    ]


def test_a_pipe_gets_the_markdown_unchanged(capsys: pytest.CaptureFixture[str], manual: Path) -> None:
    assert out(capsys, "help", "concepts") == (manual / "concepts.md").read_text()


def test_marks_and_pictures_for_browsers_are_left_out(capsys: pytest.CaptureFixture[str], manual: Path) -> None:
    picture = '<picture>\n  <img src="a.svg" alt="x">\n</picture>\n\n![y](pictures/y.svg)\n\n'
    table = "| a |\n|---|\n| b |\n"
    marked = f"<!-- keys: generated -->\n{table}<!-- end of keys -->\n"
    (manual / "concepts.md").write_text(f"# Title\n\n{picture}{marked}\nLast `<!-- x -->`.\n")
    assert out(capsys, "help", "concepts") == f"# Title\n\n{table}\nLast `<!-- x -->`.\n"


def test_no_page_has_markup_of_browsers(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MANUAL", FOLDER)
    for topic in TOPICS:
        text = out(capsys, "help", "--topic", topic)
        assert not re.search(r"^(<|!\[)", text, re.MULTILINE), topic
        assert "\n\n\n\n" not in text, topic


def test_lines_of_code_that_just_fit_are_not_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for cells in (39, 40):
        assert "x" * cells in render(f"```\n{'x' * cells}\n```\n")


@pytest.mark.parametrize("words", [[name] for name in COMMANDS] + [["memory", "add"], ["service", "install"]])
def test_help_of_a_command_is_what_its_option_prints(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert out(capsys, "help", *words) == out(capsys, *words, "--help")


def test_a_topic_with_the_name_of_a_command_is_named_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert out(capsys, "help", "search").endswith("\nManual page: segue help --topic search\n")
    assert out(capsys, "help", "--topic", "search").startswith("# Search\n")


def test_all_prints_every_topic_and_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, "help", "--all")
    assert "# Sessions and messages" in text
    assert all(f"Usage: segue {name} " in text for name in COMMANDS)


@pytest.mark.parametrize(("typed", "near"), [("concept", "'concepts'"), ("serch", "'search'"), ("xyzzy", "segue help")])
def test_an_unknown_topic_suggests_near_ones(typed: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", typed]) == 2
    error = capsys.readouterr().err
    assert f"no topic or command '{typed}'" in error
    assert near in error


def test_markdown_fits_the_terminal_and_opens_no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    text = render("# Title\n\n" + "word " * 50 + "[a](https://example.org)")
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines())) <= 40
    assert "\x1b]8" not in text
