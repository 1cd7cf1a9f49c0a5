"""The troubleshooting page: each message is in the code, and each error of the start has a row."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from segue.manual import read_topic
from tests.support.docs import README

SOURCE = README.parent / "src" / "segue"
ROWS = re.findall(r"^\| `(.+?)` \| ", read_topic("troubleshooting"), re.MULTILINE)
ERRORS = {"StartError", "ConfigError", "AlreadyRunning"}
"""Classes of errors of the start; the second argument is the text."""

PLACEHOLDER = "\0"
LEAST_CHARACTERS = 3


def texts(path: Path) -> list[str]:
    """Return every string of a file, f-strings with a mark for each value."""
    tree = ast.parse(path.read_text())
    return [as_text(node) for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr)]


def as_text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(as_text(value) for value in values)
    return PLACEHOLDER


@cache
def all_texts() -> list[str]:
    """Return every string of the code."""
    return [text for path in SOURCE.rglob("*.py") for text in texts(path)]


def fits(row: str, text: str) -> bool:
    """Return True if the text contains the row, each `…` of the row standing for anything."""
    pieces = [re.escape(piece) for piece in row.split("…")]
    return re.search(".*".join(pieces), text, re.DOTALL) is not None


@pytest.mark.parametrize("row", ROWS)
def test_the_message_of_a_row_is_in_the_code(row: str) -> None:
    assert any(fits(row, text) for text in all_texts())


def start_errors() -> list[str]:
    """Return the text of each error of the start that the daemon's and the clients' code writes out."""
    found = []
    for path in SOURCE.rglob("*.py"):
        if path.is_relative_to(SOURCE / "store" / "maintenance"):
            continue  # Restore and its repairs have a section of their own
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
                found += [as_text(argument) for argument in node.args[1:2]]
    return [text for text in found if len(text.replace(PLACEHOLDER, "").strip()) > LEAST_CHARACTERS]


def test_every_error_of_the_start_has_a_row() -> None:
    general = ("cannot open", "cannot read", "cannot write")  # with the reason of the kernel
    missing = {text for text in start_errors() if not any(fits(row, text) for row in ROWS)}
    assert {text for text in missing if not text.startswith(general)} == set()
