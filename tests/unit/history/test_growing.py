"""A file of lines that grew is read from where the last reading ended, and gives what a whole reading gives."""

import os
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from segue.history import lines
from segue.history.lines import Cursors, Lines, continue_lines, read_json_lines
from segue.history.reader import Reader, Reading
from segue.history.registry import readers
from tests.unit.history.histories import CORPORA, HISTORIES

LINES = ("aider", "claude", "codex", "copilot", "gemini", "gptme", "kimi", "kimicode", "qwen")
"""The folders of tools that append lines to a file."""

PADDING = (b" " * 1023 + b"\n") * 1024
READ_BYTES = 64 * 2**10
"""Bytes that a reading of one new line may take: the compared ones before it, and the files beside."""


def bytes_read() -> int:
    """Return the bytes that this thread has read from files."""
    status = Path("/proc/thread-self/io").read_text().splitlines()
    return int(next(line for line in status if line.startswith("rchar")).split()[1])


def items(corpus: str, home: Path) -> list[tuple[Reader, Path]]:
    """Return the files of a copy of the corpus."""
    shutil.copytree(HISTORIES / corpus, home, dirs_exist_ok=True)
    tool = readers()[CORPORA[corpus]]
    return [(tool, item) for root in tool.roots({}, home, "linux") for item in tool.discover(root)]


def encoded(reading: Reading) -> bytes:
    return msgspec.json.encode(list(reading.sessions))


def read(tool: Reader, item: Path, cursor: object = None) -> Reading:
    """Return the reading, an empty one of a file in which nothing is to be found yet."""
    try:
        return tool.read(item, cursor)
    except ValueError:
        return Reading([], Counter())


@pytest.mark.parametrize("corpus", LINES)
def test_a_file_that_grew_gives_what_a_whole_reading_gives(corpus: str, tmp_path: Path) -> None:
    choice = random.Random(corpus)
    for tool, item in items(corpus, tmp_path):
        whole, data = encoded(tool.read(item)), item.read_bytes()
        cuts = sorted(choice.sample(range(len(data)), min(8, len(data))))
        item.write_bytes(b"")
        reading = read(tool, item)
        with item.open("ab", buffering=0) as program:
            for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                program.write(data[start:end])
                reading = read(tool, item, reading.cursor)
        assert encoded(reading) == whole


@pytest.mark.parametrize("corpus", LINES)
def test_only_the_new_lines_of_a_file_are_read(corpus: str, tmp_path: Path) -> None:
    tool, item = items(corpus, tmp_path)[0]
    item.write_bytes(PADDING + item.read_bytes())
    before = bytes_read()
    reading = tool.read(item)
    assert bytes_read() - before > len(PADDING)
    with item.open("ab") as program:
        program.write(b"\n")
    before = bytes_read()
    again = tool.read(item, reading.cursor)
    assert bytes_read() - before < READ_BYTES
    assert encoded(again) == encoded(reading)


def rewrite(file: Path, data: bytes) -> None:
    file.write_bytes(data)


def replace(file: Path, data: bytes) -> None:
    beside = file.with_suffix(".new")
    beside.write_bytes(data)
    beside.replace(file)


@pytest.mark.parametrize("change", [rewrite, replace])
@pytest.mark.parametrize("data", [b'{"a": 3}\n{"b": 2}\n{"c": 1}\n', b'{"b": 9}\n', b""])
def test_a_file_that_was_rewritten_is_read_from_its_beginning(tmp_path: Path, change: object, data: bytes) -> None:
    file = tmp_path / "file.jsonl"
    file.write_bytes(b'{"a": 1}\n{"b": 2}\n')
    cursor: Lines[list[Any]] = continue_lines(file, None, list)
    cursor.state += cursor.records(Counter())
    assert continue_lines(file, cursor, list) is cursor
    change(file, data)  # type: ignore[operator]
    other: Lines[list[Any]] = continue_lines(file, cursor, list)
    assert (other is cursor, other.state) == (False, [])
    assert list(other.records(Counter())) == list(read_json_lines(file, Counter()))


def test_a_long_line_is_read_when_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    monkeypatch.setattr(lines, "CHUNK_BYTES", 30)
    file, skipped = tmp_path / "file.jsonl", Counter[str]()
    cursor = Lines(file, None)
    file.write_bytes(b'{"a": "' + b"x" * 1000)
    assert (list(cursor.records(skipped)), skipped, cursor.offset) == ([], {}, 0)
    with file.open("ab") as program:
        program.write(b'"}\n{"b": 2}\n')
    assert list(cursor.records(skipped)) == [{"b": 2}]
    assert skipped == {"line over 64 MiB": 1}


def test_cursors_are_taken_once_and_the_oldest_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / str(number) for number in range(4)]
    for file in files:
        file.touch()
        os.truncate(file, 100)
    monkeypatch.setattr(lines, "KEPT_BYTES", 250)
    cursors = Cursors()
    for file in files:
        cursors.keep(file, file.name)
    assert [cursors.take(file) for file in files] == [None, None, "2", "3"]
    assert cursors.take(files[3]) is None
    os.truncate(files[0], 1000)
    cursors.keep(files[0], "large")
    cursors.keep(files[1], None)
    cursors.keep(tmp_path / "gone", "gone")
    assert [cursors.take(file) for file in files[:2]] == ["large", None]
