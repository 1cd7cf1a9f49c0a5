"""`segue help`: topics from the manual, the help of commands, and suggestions."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from segue import manual
from segue.cli.main import COMMANDS, run
from segue.cli.output.markdown import render
from segue.manual import TOPICS, read_topic, topic_path


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run([*arguments]) == 0
    return capsys.readouterr().out


def test_topics_are_listed_with_their_first_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    lines = out(capsys, "help").splitlines()
    assert lines[0] == "Start:"
    assert "  concepts         The nouns of segue and the rules that connect them." in lines
    assert {line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "} == {*TOPICS}


def test_a_pipe_gets_the_markdown_without_the_marks_of_generated_parts(capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, "help", "concepts")
    assert text == topic_path("concepts").read_text()
    assert "<!--" in topic_path("errors").read_text()
    assert "<!--" not in out(capsys, "help", "errors")


def test_marks_and_pictures_for_browsers_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manual, "FOLDER", tmp_path)
    picture = '<picture>\n  <img src="a.svg" alt="x">\n</picture>\n\n![y](pictures/y.svg)\n\n'
    table = "| a |\n|---|\n| b |\n"
    marked = f"<!-- keys: generated -->\n{table}<!-- end of keys -->\n"
    topic_path("concepts").write_text(f"# Title\n\n{picture}{marked}\nLast `<!-- x -->`.\n")
    assert read_topic("concepts") == f"# Title\n\n{table}\nLast `<!-- x -->`.\n"


def test_no_page_has_markup_of_browsers(capsys: pytest.CaptureFixture[str]) -> None:
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
    assert all(read_topic(topic).splitlines()[0] in text for topic in TOPICS if topic != "commands")
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


def test_the_package_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "segue", "help", "glossary"], capture_output=True, text=True, check=True
    )
    assert done.stdout == read_topic("glossary")
