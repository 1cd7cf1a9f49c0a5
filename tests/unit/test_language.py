"""The language of the program: banned words, and how a docstring begins.

`segue help developing` has the style guide.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "segue"

UNCHECKED = ("store/migrations/0001.sql", "store/search/text/function_words.py")
"""Paths below src/segue that are not checked. SQLite stores the comments of 0001.sql in every database; the other is a
list of words."""

BANNED = re.compile(
    r"\b(whoever|whomever|whose sake|somebody|nobody|anybody|everybody|ours|our|we|us"
    r"|(is|are|was|were|be) told|hears?|heard|knows|has to say|anew|heed(s|ed)?|at once|go(es)? on|went on"
    r"|stands in|letter by letter|by (its|their) letters|for want of|(in )?good order|likewise|for ever"
    r"|fares? ill|stand-in|is no parameter|(at most|for|after|only) so (many|often|long|much)"
    r"|(is|are) said)\b",
    re.IGNORECASE,
)
"""Words and phrases of section "Style" in `segue help developing`."""

OPENINGS = re.compile(
    r"(The|Whether|What|Where|An?|How|Every|As|One|Two|Three|This|That|All|It|In|Another|Nothing|Everything)\b"
)
"""First words of a function's docstring that are not a verb."""

QUESTIONS = ("What", "How", "Where", "Why", "Whether", "Which", "When", "Who")
"""First words of a docstring that describes a module or class by a question instead of a noun."""


class Text(NamedTuple):
    """One comment, string or paragraph of a file."""

    path: Path
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.words.strip()[:100]!r}"


def is_unchecked(path: Path) -> bool:
    return any(path.is_relative_to(PACKAGE / name) for name in UNCHECKED)


def sources(suffix: str) -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob(f"*{suffix}")) if not is_unchecked(path)]


class Docstring(NamedTuple):
    """The docstring of a module, class or function, empty if it has none."""

    holder: type[ast.AST]
    name: str
    text: Text


@cache
def docstrings(path: Path) -> list[Docstring]:
    """Return the docstring of each module, class and function of a Python file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = Text(path, getattr(node, "lineno", 1), " ".join((ast.get_docstring(node) or "").split()))
            found.append(Docstring(type(node), getattr(node, "name", ""), text))
    return found


def comments(path: Path) -> Iterator[Text]:
    for text in plain_texts(path):
        if found := re.search(r"(^|  )# .*", text.words.lstrip()):
            yield text._replace(words=found[0])


def python_texts(path: Path) -> Iterator[Text]:
    """Yield each comment and each string of a Python file, docstrings included."""
    yield from comments(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for number, line in enumerate(node.value.splitlines()):
                yield Text(path, node.lineno + number, line)


def plain_texts(path: Path) -> Iterator[Text]:
    """Yield each line of a text file; a phrase that a line break cuts is not found."""
    yield from (Text(path, number, line) for number, line in enumerate(path.read_text().splitlines(), 1))


def texts_of_tests(path: Path) -> Iterator[Text]:
    """Yield the names of tests as words, the docstrings and the comments of a file of tests; strings may be data."""
    yield from comments(path)
    for docstring in docstrings(path):
        yield docstring.text
        if docstring.name.startswith("test_"):
            yield docstring.text._replace(words=docstring.name.replace("_", " "))


def written_files() -> list[Path]:
    scripts = sorted((PACKAGE / "shell").glob("*/*sh"))
    units = [path for folder in ("systemd", "launchd") for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    return [*scripts, *units, *sources(".sql")]


def prose(path: Path) -> Iterator[Text]:
    """Yield each line of a Markdown file without its code."""
    in_code = False
    for text in plain_texts(path):
        if text.words.startswith("```"):
            in_code = not in_code
        elif not in_code:
            yield text._replace(words=re.sub(r"`[^`]*`", "", text.words))


def banned(texts: Iterator[Text]) -> list[str]:
    return [f"{text} has {found[0]!r}" for text in texts if (found := BANNED.search(text.words))]


@pytest.mark.parametrize("phrase", ["it is told what to run", "others go on writing", "at once", "Nobody waits"])
def test_a_banned_phrase_is_found(phrase: str) -> None:
    assert banned(iter([Text(ROOT / "x", 1, phrase)]))


def test_python_sources_use_no_banned_words() -> None:
    assert [fault for path in sources(".py") for fault in banned(python_texts(path))] == []


def test_names_docstrings_and_comments_of_tests_use_no_banned_words() -> None:
    paths = [path for path in sorted((ROOT / "tests").rglob("*.py")) if path != Path(__file__)]
    assert [fault for path in paths for fault in banned(texts_of_tests(path))] == []


def test_scripts_and_unit_files_use_no_banned_words() -> None:
    assert [fault for path in written_files() for fault in banned(plain_texts(path))] == []


def test_the_readme_and_the_manual_use_no_banned_words() -> None:
    paths = [ROOT / "README.md", *sources(".md")]
    assert [fault for path in paths for fault in banned(prose(path))] == []


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    """Those of tests describe a case."""
    paths = [*sources(".py"), *sorted((ROOT / "tests").rglob("*.py"))]
    functions = [one for path in paths for one in docstrings(path) if one.holder not in (ast.Module, ast.ClassDef)]
    texts = [one.text for one in functions if not one.name.startswith("test_")]
    assert [str(text) for text in texts if OPENINGS.match(text.words)] == []


def test_docstrings_of_modules_and_classes_name_what_they_define() -> None:
    found = [one for path in sources(".py") for one in docstrings(path) if one.holder in (ast.Module, ast.ClassDef)]
    assert [str(one.text) for one in found if one.text.words.split(" ")[0] in QUESTIONS] == []
