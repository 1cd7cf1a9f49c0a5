"""The last turn of a session, also where two terminals ask concurrently."""

from typing import Any

import msgspec
import pytest

from segue.models import Message
from segue.workflows.turns import last_turn


def talk(*rows: tuple[str, dict[str, Any]]) -> list[Message]:
    """Return messages with the ids from 1 on."""
    plain = dict.fromkeys(Message.__struct_fields__[: -len(Message.__struct_defaults__)]) | {
        "session_id": "s",
        "content": "x",
        "is_summary": False,
        "state": "complete",
        "created_at": "2026-11-28T00:00:00.000Z",
    }
    given = [plain | {"id": id, "role": role, "metadata": metadata} for id, (role, metadata) in enumerate(rows, 1)]
    return [msgspec.convert(row, Message) for row in given]


def question(terminal: str | None = None) -> tuple[str, dict[str, Any]]:
    return "user", {"terminal": terminal} if terminal else {}


def reply(to: int | None = None) -> tuple[str, dict[str, Any]]:
    return "assistant", {"reply_to": to} if to else {}


@pytest.mark.parametrize(
    ("rows", "terminal", "ids", "is_whole_end"),
    [
        ([question(), reply(), question(), reply(), ("tool", {})], None, [3, 4, 5], True),
        ([question("a"), question("b"), reply(1), reply(2)], "a", [1, 3], False),
        ([question("a"), question("b"), reply(1), reply(2)], "b", [2, 4], False),
        ([question("a"), question("b"), reply(1), reply(2)], None, [2, 4], False),
        ([question("a"), reply(1), question("b"), reply(3)], "a", [1, 2], False),
        ([question("a"), reply(1), question("b"), reply(3)], "c", [3, 4], True),
        ([question(), reply(), question("b"), reply(3)], "c", [3, 4], True),
        ([question("a"), reply(1), question(), reply()], "a", [3, 4], True),
        ([question("a"), reply(), question("b"), reply(), reply()], "a", [1, 2], False),
        ([reply()], None, None, False),
        ([], "a", None, False),
    ],
)
def test_a_turn_is_a_question_of_the_terminal_with_its_replies(
    rows: list[tuple[str, dict[str, Any]]], terminal: str | None, ids: list[int] | None, is_whole_end: bool
) -> None:
    turn = last_turn(talk(*rows), terminal)
    assert (turn and [message.id for message in turn.messages]) == ids
    assert turn is None or turn.is_whole_end == is_whole_end


def test_the_result_of_a_call_is_no_question() -> None:
    parts = [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]
    asked, answered = talk(question(), question())
    turn = last_turn([asked, msgspec.structs.replace(answered, parts=parts)])
    assert turn is not None
    assert (turn.question.id, turn.reply_ids) == (1, (2,))
