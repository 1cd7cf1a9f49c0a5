"""The README is true: its commands are run in its order, and what it shows is what comes out."""

import ast
import re
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from segue.config import Config, parse_config
from tests.process.command_line import Terminal
from tests.support.counters import ANSWERED
from tests.support.docs import README, tried_rows, updated
from tests.support.process import Segued
from tests.support.system import netcat

TEXT = README.read_text()
TESTS = README.parent / "tests"

CHANGING = [
    (r"\x1b\[[\d;]*m", ""),
    (r" +$", ""),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME"),
    (r"\d{4}-\d\d-\d\d-\d{4}-\d{3,}", "ID"),
    (r"\d{4}-\d\d-\d\d[_ ]\d\d[-:]\d\d", "MINUTE"),
    (r'"idle_seconds":\d+', '"idle_seconds":N'),
    (r'"cursor":"[0-9a-f]{16}-\d+"', '"cursor":"CURSOR"'),
    (r" +\d+s$", " AGE"),
    (r" \d+s\) *$", " AGE)"),
]
"""What is different on every run: moments, ids made of them, ages; and what only a terminal sees."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def exchanges() -> list[tuple[str, str]]:
    """Each command that the README shows, and what it says comes out."""
    found = []
    for block in blocks("console"):
        starts = [match.start() for match in re.finditer(r"^\$ ", block, re.MULTILINE)]
        for start, end in pairwise([*starts, len(block)]):
            command, _, shown = block[start + 2 : end].partition("\n")
            found.append((command, shown))
    return found


def steady(text: str, home: Path) -> str:
    """The text with what changes from run to run taken out."""
    text = text.replace(str(home), "/home/ada")
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text.rstrip()


@pytest.fixture
def environment(segued: Segued) -> dict[str, str]:
    """A new user's: a home, a runtime directory, and programs on the path."""
    runtime, programs = segued.folder / "runtime", segued.folder / "bin"
    for folder in (runtime, programs):
        folder.mkdir(mode=0o700)
    segued.socket = runtime / "segue" / "segued.sock"
    segued.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    if not shutil.which("nc"):
        (programs / "nc").write_text(f'#!/bin/sh\nexec {sys.executable} {netcat.__file__} "$3"\n')
        (programs / "nc").chmod(0o700)
    path = f"{programs}:{segued.environment['PATH']}"
    return {
        "HOME": str(segued.folder),
        "XDG_RUNTIME_DIR": str(runtime),
        "PATH": path,
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "SEGUE_BUDGET": "20",  # a machine may be busy
    }


def test_what_the_readme_shows_is_what_comes_out(segued: Segued, environment: dict[str, str]) -> None:
    segued.start(env=environment)
    directory = segued.folder / "proj"
    directory.mkdir()
    made: dict[str, str] = {}
    assert exchanges()
    for command, shown in exchanges():
        for written, real in made.items():
            command = command.replace(written, real)
        code, screen = Terminal(["/bin/sh", "-c", command], environment, directory, columns=125).finish()
        assert (code, steady(screen, segued.folder)) == (0, steady(shown, segued.folder)), command
        ids = r"\d{4}-\d\d-\d\d-\d{4}-\d{3,}"
        made.update(zip(re.findall(ids, shown), re.findall(ids, screen), strict=True))


def test_the_python_of_the_readme_runs(segued: Segued, environment: dict[str, str]) -> None:
    segued.start(env=environment)
    for code in blocks("python"):
        script = segued.folder / "script.py"
        script.write_text(code)
        result = Terminal([sys.executable, str(script)], environment, segued.folder, columns=100).finish()
        assert result == (0, "")
    [session] = segued.connect().call("session.list")["sessions"]
    assert (session["working_dir"], session["message_count"]) == ("/home/ada/proj", 1)


def test_the_configuration_in_the_readme_is_the_default_one_with_every_key() -> None:
    [text] = blocks("toml")
    assert parse_config(text, README) == Config()
    keys = set(re.findall(r"^(?:# )?(\w+) =", text, re.MULTILINE))
    sections = [getattr(Config(), section) for section in Config.__struct_fields__]
    assert keys == {key for section in sections for key in section.__struct_fields__}


def counted_kinds() -> set[str]:
    """Every kind of trial that some test counts, by the words in its code."""
    kinds = set()
    for path in (p for part in ("process", "socket", "support") for p in TESTS.glob(f"{part}/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tried":
                kinds.add(str(node.args[0].value) if isinstance(node.args[0], ast.Constant) else ANSWERED)
    return kinds


def test_what_the_readme_says_was_tried_is_what_the_tests_count() -> None:
    assert tried_rows(TEXT) == counted_kinds()


def test_the_tables_of_the_readme_are_made_of_the_code() -> None:
    assert updated(TEXT) == TEXT
