"""Bounds of what is stored and of an answer, and strings, numbers and levels that come back as they were given."""

import json
from typing import Any

import pytest

from segue.config import Config, Limits
from segue.errors import TooLarge
from tests.socket.server.lines import append, ask, contents, ping
from tests.support.answers import failed
from tests.support.wire import Wire

DEPTH = 200
"""Levels that metadata and parts may have."""


class TestAShortAnswer:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(answer_bytes=2000))

    @pytest.mark.parametrize(("spare", "pages"), [(1, [2, 1]), (0, [2, 1]), (-1, [1, 2])])
    def test_a_page_ends_when_it_is_full(self, wire: Wire, session: str, spare: int, pages: list[int]) -> None:
        last = wire.call("message.append", session_id=session, role="user", content="")["message_id"]
        bare = len(compact(wire.call("message.get", message_id=last)))
        for length in (1000 - bare, 1000 - bare - spare, 7):
            wire.call("message.append", session_id=session, role="user", content="x" * length)
        for held in pages:
            page = wire.call("message.list", after_id=last)
            assert (len(page["messages"]), page["has_more"]) == (held, held == pages[0])
            last = page["messages"][-1]["id"]

    def test_a_page_has_at_least_one_message(self, wire: Wire, session: str) -> None:
        for content in "abc":
            wire.call("message.append", session_id=session, role="user", content=content * 5000)
        page = wire.call("message.list", order="desc")
        assert ([message["content"][0] for message in page["messages"]], page["has_more"]) == (["c"], True)
        page = wire.call("message.list", after_id=2)
        assert ([message["content"][0] for message in page["messages"]], page["has_more"]) == (["c"], False)

    def test_a_batch_is_refused_from_where_its_answers_are_too_large(self, wire: Wire, session: str) -> None:
        wire.call("message.append", session_id=session, role="user", content="x" * 2000)
        many = {"jsonrpc": "2.0", "method": "message.list", "id": "list"}
        silent = {name: member for name, member in append("silent").items() if name != "id"}
        answers = ask(wire, [ping("first"), many, append("no", "append"), silent, ping("last")])
        assert [answer["id"] for answer in answers] == ["first", "list", "append", "last"]
        assert answers[2:] == [failed(-32004, "append"), failed(-32004, "last")]
        assert [message[:6] for message in contents(wire, session)] == ["xxxxxx"]
        assert wire.call("message.count", session_id=session) == {"count": 2}


class TestShortContent:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(content_bytes=1000))

    @pytest.mark.parametrize(
        "beside",
        [{}, {"metadata": {"k": "é" * 50}}, {"parts": [{"k": "é"}, {}]}, {"metadata": {"a": 1}, "parts": [{}]}],
    )
    @pytest.mark.parametrize("letter", ["x", "é"])
    def test_content_parts_and_metadata_together_may_be_as_long_as_the_limit(
        self, wire: Wire, session: str, beside: dict[str, Any], letter: str
    ) -> None:
        taken = sum(len(compact(value)) for value in beside.values())
        room = 1000 - taken
        fitting = letter * (room // len(letter.encode())) + "." * (room % len(letter.encode()))
        for content in (fitting[:-1], fitting):
            wire.call("message.append", session_id=session, role="user", content=content, **beside)
        message = {"role": "user", "content": fitting + ".", **beside}
        for method, params in (("message.append", message), ("message.append_many", {"messages": [message]})):
            with pytest.raises(TooLarge) as caught:
                wire.call(method, session_id=session, **params)
            assert caught.value.data == {"limit": 1000}
        assert contents(wire, session) == [fitting[:-1], fitting]

    def test_a_prompt_and_the_metadata_of_a_session_may_be_as_long_as_the_limit(self, wire: Wire) -> None:
        metadata = {"k": "x" * (1000 - len(compact({"k": ""})))}
        made = wire.call("session.create", system_prompt="é" * 500, metadata=metadata)
        assert (made["system_prompt"], made["metadata"]) == ("é" * 500, metadata)
        for wrong in ({"system_prompt": "é" * 500 + "."}, {"metadata": {"k": metadata["k"] + "x"}}):
            for method, params in (("session.create", {}), ("session.update", {"session_id": made["id"]})):
                with pytest.raises(TooLarge) as caught:
                    wire.call(method, **params, **wrong)
                assert caught.value.data == {"limit": 1000}
        assert wire.call("session.list")["total"] == 1
        assert wire.call("session.get", session_id=made["id"]) == made


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def nested(levels: int) -> Any:
    """Return objects and arrays in each other, so many levels deep."""
    found: Any = {}
    for level in range(levels - 1):
        found = [found] if level % 2 else {"a": found}
    return found if isinstance(found, dict) else {"b": found[0]}


def test_metadata_and_parts_may_have_two_hundred_levels_and_come_back(wire: Wire, session: str) -> None:
    deep = nested(DEPTH)
    given = {"metadata": deep, "parts": [nested(DEPTH - 1)]}
    id = wire.call("message.append", session_id=session, role="user", content="", **given)["message_id"]
    found = wire.call("message.get", message_id=id)
    assert (found["metadata"], found["parts"]) == (given["metadata"], given["parts"])
    assert wire.call("session.update", session_id=session, metadata=deep)["metadata"] == deep


@pytest.mark.parametrize("levels", [DEPTH + 1, DEPTH + 2, 500, 900])
def test_deeper_ones_are_invalid_params_and_nothing_is_stored(wire: Wire, session: str, levels: int) -> None:
    for wrong, path in (({"metadata": nested(levels)}, "$.metadata"), ({"parts": [nested(levels - 1)]}, "$.parts")):
        answer = wire.respond("message.append", {"session_id": session, "role": "user", "content": "", **wrong})
        assert (answer["error"]["code"], answer["error"]["data"]["path"]) == (-32602, path)
    answer = wire.respond("session.update", {"session_id": session, "metadata": nested(levels)})
    assert (answer["error"]["code"], answer["error"]["data"]["path"]) == (-32602, "$.metadata")
    assert contents(wire, session) == []


@pytest.mark.parametrize(
    "content", ["", "\0", "a\0b\0", "\x1b[31m\r\n\t\x7f\x85", "é😀\u2028\ufeff\uffff\U0010ffff", " \n"]
)
def test_any_string_comes_back_as_it_was_given(wire: Wire, session: str, content: str) -> None:
    given = {"content": content, "parts": [{content: content}], "metadata": {content: [content]}}
    wire.call("message.append", session_id=session, role="user", **given)
    (found,) = wire.call("message.list", session_id=session)["messages"]
    assert {name: found[name] for name in given} == given


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**63, 2**64 + 1, -(2**100), 10**300, 1.5, 1e300, 5e-324])
def test_any_number_in_metadata_comes_back_as_it_was_given(wire: Wire, session: str, number: float) -> None:
    metadata = wire.call("session.update", session_id=session, metadata={"n": number})["metadata"]
    assert (metadata, type(metadata["n"])) == ({"n": number}, type(number))
