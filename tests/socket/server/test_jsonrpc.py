"""JSON-RPC 2.0 over the socket: ids, batches, odd JSON and odd strings, bounds of what is stored."""

import json
from typing import Any

import pytest

from segue.api import METHODS
from segue.config import Config, Limits
from segue.errors import TooLarge
from segue.server import app
from tests.socket.server.lines import PING, PONG
from tests.support import specification
from tests.support.answers import failed, wordless
from tests.support.inprocess import Server
from tests.support.schema import check_answer
from tests.support.wire import Wire

DEPTH = 200
"""Levels that metadata and parts may have."""


def ping(id: Any = 1, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "daemon.ping", "id": id, **members}


def pong(id: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": "pong", "id": id}


def append(content: str, id: Any = 1, **params: Any) -> dict[str, Any]:
    params = {"session_id": "s", "role": "user", "content": content, **params}
    return {"jsonrpc": "2.0", "method": "message.append", "params": params, "id": id}


def ask(wire: Wire, item: Any) -> Any:
    """The answer to a JSON value, errors without their words."""
    return wordless(wire.ask(json.dumps(item).encode()))


@pytest.fixture
def session(wire: Wire) -> str:
    wire.call("session.create", id="s")
    return "s"


def contents(wire: Wire) -> list[str]:
    return [message["content"] for message in wire.call("message.list", session_id="s")["messages"]]


class TestTheSpecification:
    @pytest.fixture
    def config(self, monkeypatch: pytest.MonkeyPatch) -> Config:
        monkeypatch.setattr("segue.server.app.METHODS", {**METHODS, **specification.METHODS})
        return Config()

    def test_its_examples_are_answered_as_printed_on_one_connection(self, wire: Wire) -> None:
        expected = []
        for asked, answered in specification.exchanges():
            wire.send(asked.replace("\n", " ").encode() + b"\n")
            expected += [answered] if answered is not None else []
        wire.half_close()
        assert [wordless(answer) for answer in wire.rest()] == [self.wordless(text) for text in expected]

    def wordless(self, printed: str) -> Any:
        def strip(one: Any) -> Any:
            return {**one, "error": {"code": one["error"]["code"]}} if "error" in one else one

        found = json.loads(printed)
        return [strip(one) for one in found] if isinstance(found, list) else strip(found)


@pytest.mark.parametrize("id", ["", "x", "\0é😀", 0, -1, 2**53 + 1, 2**64 + 1, -(2**70), 1.5, None], ids=repr)
def test_an_id_comes_back_exactly(wire: Wire, id: Any) -> None:
    answer = ask(wire, ping(id))
    assert (answer, type(answer["id"])) == (pong(id), type(id))
    assert ask(wire, ping(id, method="nope")) == failed(-32601, id)


@pytest.mark.parametrize("id", [True, False, [], [1], {}, {"a": 1}], ids=repr)
def test_any_other_id_is_an_invalid_request_answered_with_null(wire: Wire, id: Any) -> None:
    assert ask(wire, ping(id)) == failed(-32600)
    assert ask(wire, [ping(id)]) == [failed(-32600)]


@pytest.mark.parametrize("id", ["x", 7, 1.5, 2**64 + 1], ids=repr)
@pytest.mark.parametrize(
    "wrong", [{"jsonrpc": "1.0"}, {"jsonrpc": None}, {"method": 1}, {"method": None}, {"params": 1}]
)
def test_an_invalid_request_is_answered_with_its_id(wire: Wire, id: Any, wrong: dict[str, Any]) -> None:
    assert ask(wire, ping(id, **wrong)) == failed(-32600, id)


def test_requests_of_the_same_id_are_each_answered(wire: Wire) -> None:
    wire.send((PING + b"\n") * 3)
    assert [wire.answer() for _ in range(3)] == [PONG] * 3
    assert ask(wire, [ping("a"), ping("a")]) == [pong("a")] * 2


def test_unknown_members_of_the_envelope_are_ignored(wire: Wire) -> None:
    assert ask(wire, ping(trace={"a": [1]}, result=1)) == PONG


@pytest.mark.parametrize("name", ["", "rpc.nope", "rpc.", "daemon", "Daemon.Ping", "daemon.ping "])
def test_an_unknown_name_is_not_found(wire: Wire, name: str) -> None:
    assert ask(wire, ping(method=name)) == failed(-32601, 1)


def test_a_notification_runs_and_is_never_answered_even_if_it_fails(wire: Wire, session: str) -> None:
    for item in (append("a"), append("b", bot_id="x"), append("c", session_id="nope"), {**ping(), "method": "nope"}):
        del item["id"]
        wire.send(json.dumps(item).encode() + b"\n" + json.dumps([item, item]).encode() + b"\n")
    assert ask(wire, ping()) == PONG
    assert contents(wire) == ["a", "a", "a"]


def test_a_batch_mixes_everything_and_runs_in_order(wire: Wire, session: str) -> None:
    silent = {name: member for name, member in append("two").items() if name != "id"}
    answers = wire.ask(
        json.dumps([append("one", "a"), silent, 1, append("three", "b"), append("x", 3, role=7)]).encode()
    )
    assert [wordless(answer).get("error") for answer in answers] == [None, {"code": -32600}, None, {"code": -32602}]
    assert [answer["id"] for answer in answers] == ["a", None, "b", 3]
    for index in (0, 2, 3):
        check_answer("message.append", answers[index])
    assert contents(wire) == ["one", "two", "three"]


def test_the_appends_of_a_batch_keep_their_order_and_what_follows_them_finds_them(wire: Wire, session: str) -> None:
    several = {"session_id": session, "messages": [{"role": "user", "content": text} for text in "xy"]}
    items = [append(str(number), number, key=f"k{number % 60}") for number in range(120)]
    items.insert(70, {"jsonrpc": "2.0", "id": "many", "method": "message.append_many", "params": several})
    items.append({"jsonrpc": "2.0", "id": "count", "method": "message.count", "params": {"session_id": session}})
    items.append(append("last", "last"))
    answers = ask(wire, items)
    assert [answer["id"] for answer in answers] == [item["id"] for item in items]
    stored = [answer["result"] for answer in answers if isinstance(answer["id"], int) and answer["id"] < 60]
    assert [found["message_id"] for found in stored] == list(range(1, 61))
    assert [answer["error"]["code"] for answer in answers if "error" in answer] == [-32003] * 60
    assert answers[-2]["result"] == {"count": 62}
    assert contents(wire) == [*map(str, range(60)), "x", "y", "last"]


class TestALowBatchLimit:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(batch=10))

    def test_a_batch_over_it_gives_one_error_and_nothing_of_it_runs(self, wire: Wire, session: str) -> None:
        answer = wire.ask(json.dumps([append(str(id), id) for id in range(11)]).encode())
        assert answer["error"]["data"] == {"kind": "too_large", "limit": 10}
        assert wordless(answer) == failed(-32004)
        assert contents(wire) == []
        assert len(ask(wire, [append(str(id), id) for id in range(10)])) == 10
        assert contents(wire) == [str(id) for id in range(10)]


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
        assert [message[:6] for message in contents(wire)] == ["xxxxxx"]
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
        assert contents(wire) == [fitting[:-1], fitting]

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
    """Objects and arrays in each other, so many levels deep."""
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
    assert contents(wire) == []


@pytest.mark.parametrize("levels", [1_000, 5_000, 100_000])
def test_json_deeper_than_the_parser_goes_is_a_parse_error(wire: Wire, levels: int) -> None:
    for line in (b"[" * levels, b"[" * levels + b"]" * levels, b'{"a":' * levels + b"1" + b"}" * levels):
        answer = wire.ask(line)
        # Python 3.12 and 3.13 parse 1 000 and 5 000 levels: then it is JSON, but not a request.
        [failure] = answer if isinstance(answer, list) else [answer]
        assert wordless(failure) in ([failed(-32700)] if levels == 100_000 else [failed(-32700), failed(-32600)])
    assert wire.ask(PING) == PONG


@pytest.mark.parametrize(
    "line",
    [
        b"NaN", b'{"jsonrpc":"2.0","id":NaN,"method":"daemon.ping"}',
        b'{"jsonrpc":"2.0","id":1e400,"method":"daemon.ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":[-Infinity]}', b"\xef\xbb\xbf" + PING,
        b'{"jsonrpc":"2.0","id":"\xff","method":"daemon.ping"}',
        b'{"jsonrpc":"2.0","id":' + b"7" * 5000 + b',"method":"daemon.ping"}', PING + b"x", PING + PING, PING[:-1],
        PING + b"\x00", b"\x00" + PING, b"PING", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda line: repr(line[:60]),
)  # fmt: skip
def test_a_line_that_is_not_json_is_a_parse_error_and_the_next_is_answered(wire: Wire, line: bytes) -> None:
    assert wordless(wire.ask(line)) == failed(-32700)
    assert wire.ask(PING) == PONG


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


@pytest.mark.parametrize(
    ("method", "by_position", "by_name"),
    [
        ("session.get", ["s"], {"session_id": "s"}),
        ("session.list", [None, "default"], {"bot_id": "default"}),
        ("session.list", [], {}),
        ("message.count", ["s"], {"session_id": "s"}),
        ("message.list", ["s", None, None, None, None, 1], {"session_id": "s", "limit": 1}),
    ],
)
def test_params_by_position_do_what_params_by_name_do(
    wire: Wire, session: str, method: str, by_position: list[Any], by_name: dict[str, Any]
) -> None:
    assert wire.respond(method, by_position)["result"] == wire.respond(method, by_name)["result"]


@pytest.mark.parametrize("params", [["s", 1], ["s", None], ["s"] * 10_000], ids=len)
def test_too_many_positions_are_invalid_params(wire: Wire, session: str, params: list[Any]) -> None:
    answer = wire.respond("message.count", params)
    assert (answer["error"]["code"], answer["error"]["data"]["path"]) == (-32602, "$")


def test_an_incident_over_the_socket_is_opaque(
    server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app.App, "discover", lambda self: {"xyzzy-canary": object()})
    line = wire.ask(b'{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}')
    assert set(line["error"]["data"]) == {"kind", "incident"}
    assert wordless(line) == failed(-32603, 1)
    assert "canary" not in json.dumps(line)
    assert line["error"]["data"]["incident"] in caplog.text
    assert wire.ask(PING) == PONG
    caplog.clear()
