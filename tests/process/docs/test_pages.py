"""The pages of the README and the manual agree with the code."""

import ast
import re
from pathlib import Path

import pytest

from segue.manual import FOLDER, TOPICS, read_topic, summary_of, topic_path
from segue.shell import VARIABLES
from tests.process.docs.blocks import PAGES, steady
from tests.support.counters import ANSWERED, FAULTS
from tests.support.docs import PAGES as GENERATED
from tests.support.docs import README, part_of, updated
from tests.support.picture import PICTURES, THEMES, converse, draw

ROOT = README.parent
TESTS = ROOT / "tests"
SOURCES = [path for path in (ROOT / "src").rglob("*") if path.suffix in {".py", ".bash", ".zsh", ".fish"}]
VARIABLES_FILE = ROOT / "src" / "segue" / "shell" / "__init__.py"
LINK = re.compile(r"(?:\]\(|src(?:set)?=\")([^)#:\"]+)[)\"]")


@pytest.mark.parametrize("page", GENERATED, ids=lambda path: path.stem)
def test_generated_parts_are_up_to_date(page: Path) -> None:
    assert updated(page) == page.read_text()


def test_every_file_of_the_manual_is_a_topic() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted(TOPICS)


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_begins_with_a_title_and_one_sentence(topic: str) -> None:
    assert read_topic(topic).startswith("# ")
    assert re.fullmatch(r"[A-Z][^.]*\.", summary_of(topic))


def test_topics_that_are_named_exist() -> None:
    names = {name for path in PAGES.values() for name in re.findall(r"`segue help ([\w-]+)`", path.read_text())}
    assert names <= {*TOPICS, "TOPIC", "COMMAND"}


def test_paths_of_the_repository_that_are_named_exist() -> None:
    named = {
        path for page in PAGES.values() for path in re.findall(r"`((?:src|tests|\.ci)/[\w./-]+)`", page.read_text())
    }
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_links_lead_to_files() -> None:
    links = [(path, link) for path in PAGES.values() for link in LINK.findall(path.read_text())]
    assert [(path, link) for path, link in links if not (path.parent / link).exists()] == []


def test_every_variable_of_the_environment_is_documented() -> None:
    text = "".join(topic_path(topic).read_text() for topic in TOPICS)
    readers = "".join(path.read_text() for path in SOURCES if path != VARIABLES_FILE)
    names = set(re.findall(r"(?<![_A-Z])SEGUE_[A-Z_]+", readers))
    internal = {"SEGUE_REPORT_FD", "SEGUE_REPORT_STEPS"}  # Set by a client for the daemon that it starts
    assert {name for name in names - internal if f"`{name}`" not in text and f"`{name}=" not in text} == set()
    assert set(VARIABLES) <= names


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(README.read_text().splitlines()) <= 180
    assert README.stat().st_size <= 9 * 1024


def test_the_picture_shows_what_the_commands_print(tmp_path: Path) -> None:
    screens = converse(tmp_path)
    for theme in THEMES:
        drawn = (PICTURES / f"terminals-{theme.name}.svg").read_text()
        assert shown(draw(screens, theme)) == shown(drawn), "run: python -m tests.support.picture"


def shown(picture: str) -> str:
    """Return the text in a picture without what differs between two runs."""
    return steady(re.sub("<[^>]*>", "", picture), README.parent)


def counted_kinds() -> set[str]:
    """Return a pattern for every kind of trial that some test counts."""
    kinds = set()
    for path in (p for part in ("process", "socket", "support", "unit/sync") for p in TESTS.glob(f"{part}/**/*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tried":
                kinds.add(_pattern(node.args[0], tree))
    return kinds


def _pattern(name: ast.expr, tree: ast.Module) -> str:
    """Return the pattern of the first argument of `tried`: a text, one with fields, or any text of the file."""
    shared = {"ANSWERED": ANSWERED, "FAULTS": FAULTS}
    if isinstance(name, ast.Name) and name.id in shared:
        return re.escape(shared[name.id])
    if isinstance(name, ast.Name):
        return "|".join(re.escape(text) for one in ast.walk(tree) if (text := _text(one)))
    parts = name.values if isinstance(name, ast.JoinedStr) else [name]
    return "".join(re.escape(text) if (text := _text(part)) else ".+" for part in parts)


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_the_counts_of_the_last_run_are_of_the_kinds_that_the_tests_count() -> None:
    part = part_of(topic_path("reliability").read_text(), "tried")
    rows = {row.split(" | ")[1].removesuffix(" |") for row in part.splitlines()[2:]}
    kinds = counted_kinds()
    assert not [row for row in rows if not any(re.fullmatch(kind, row) for kind in kinds)]
    assert not [kind for kind in kinds if not any(re.fullmatch(kind, row) for row in rows)]
