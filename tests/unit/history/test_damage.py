"""A value of another type than the tool writes costs its record, never the file and never the import."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from segue.history.checking import checked
from segue.history.convert import session_params
from segue.history.importer import Importer, Source
from segue.history.reader import Reading
from segue.history.records import HistoryMessage, HistorySession, ToolCall
from segue.history.registry import readers
from tests.unit.history.histories import CORPORA, HISTORIES, NOW, message_params
from tests.unit.history.test_bad_input import NoDaemon

ODD: tuple[Any, ...] = (
    None,
    5,
    "x",
    "",
    [],
    {},
    True,
    [1],
    {"a": 1},
    -1,
    2**70,
    [[["x"]]],
    "a\0b",
    "two\nlines",
    "x" * 5000,
)

CHANGES = 12
"""Damaged copies of each file."""


def places(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    """Return the path of each value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for name, one in inner for place in places(one, *path, name))]


def damage(text: str, choice: random.Random) -> str:
    """Return a JSON text with one value of another type."""
    value = json.loads(text)
    if found := [path for path in places(value) if path]:
        *path, last = choice.choice(found)
        container = value
        for name in path:
            container = container[name]
        container[last] = choice.choice(ODD)
    return json.dumps(value)


@pytest.mark.parametrize("corpus", sorted(CORPORA))
def test_a_value_of_another_type_costs_its_record_only(corpus: str, tmp_path: Path) -> None:
    choice, reader = random.Random(corpus), readers()[CORPORA[corpus]]
    home = tmp_path / "home"
    shutil.copytree(HISTORIES / corpus, home)
    for item in [item for root in reader.roots({}, home, "linux") for item in reader.discover(root)]:
        lines = item.read_bytes().decode(errors="replace").splitlines()
        if not lines or not lines[0].startswith(("{", "[")):
            continue
        document, whole = item.suffix != ".jsonl", messages_in(reader.read(item).sessions)
        for _ in range(CHANGES):
            number = choice.randrange(len(lines))
            changed = [damage("\n".join(lines), choice)] if document else list(lines)
            if not document:
                changed[number] = damage(lines[number], choice)
            item.write_text("\n".join([*changed, ""]))
            try:
                found = messages_in(checked(reader.read(item)))
            except ValueError as error:
                assert document or "session_meta" in str(error)  # noqa: PT017 - it may also not be raised
                continue
            assert document or found >= whole - 2


def messages_in(sessions: Iterable[HistorySession]) -> int:
    """Return the number of messages, all of which can be sent."""
    return sum(1 for session in sessions for line in encodable(session) if '"role"' in line)


def encodable(session: HistorySession) -> list[str]:
    return [json.dumps(session_params(session, NOW)), *(json.dumps(one) for one in message_params(session))]


def test_what_no_message_may_have_is_left_out_and_counted() -> None:
    odd: Any = ["no text"]
    messages = [
        HistoryMessage(key="1", role="user", text="sound"),
        HistoryMessage(key="2", role="user", text=odd),
        HistoryMessage(key="", role="user", text="without a key"),
        HistoryMessage(key="4", role="assistant", text="model", model=odd, input_tokens=-1, tool_calls=[odd]),
        HistoryMessage(key="5", role="assistant", text="", tool_calls=[ToolCall(id="a", name="b", arguments=odd)]),
    ]
    session = HistorySession(id="s", path="/p", title=odd, messages=messages)
    nameless = HistorySession(id=odd, path="/p")
    reading = Reading([session, nameless], Counter())
    [kept] = checked(reading)
    assert [message.text for message in kept.messages] == ["sound", "model", ""]
    assert (kept.title, kept.messages[1].model, kept.messages[1].tool_calls) == (None, None, [])
    assert reading.skipped == {
        "damaged message": 2,
        "damaged session": 1,
        "damaged title of a session": 1,
        **{f"damaged {name} of a message": 1 for name in ("model", "input_tokens", "tool_calls")},
    }


class Broken:
    """A reader of another package that has a fault."""

    name = "broken"

    def read(self, item: Path, cursor: object = None) -> Reading:
        raise KeyError("role")


def test_a_reader_with_a_fault_is_one_line(tmp_path: Path) -> None:
    importer = Importer(NoDaemon(), {})  # type: ignore[arg-type]
    problem = importer.run_one(Source(Broken(), tmp_path))  # type: ignore[arg-type]
    assert problem == "the reader of broken does not know its form (KeyError: 'role')"
