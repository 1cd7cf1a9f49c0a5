"""JSON-RPC 2.0 over the socket: ids, batches, odd JSON, params by position, incidents."""

import json
from typing import Any

import pytest

from segue.api import METHODS
from segue.config import Config, Limits
from segue.server import app
from tests.socket.server.lines import PING, PONG, append, ask, contents, ping, pong
from tests.support import specification
from tests.support.answers import failed, wordless
from tests.support.inprocess import Server
from tests.support.schema import check_answer
from tests.support.wire import Wire


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
    assert contents(wire, session) == ["a", "a", "a"]


def test_a_batch_mixes_everything_and_runs_in_order(wire: Wire, session: str) -> None:
    silent = {name: member for name, member in append("two").items() if name != "id"}
    answers = wire.ask(
        json.dumps([append("one", "a"), silent, 1, append("three", "b"), append("x", 3, role=7)]).encode()
    )
    assert [wordless(answer).get("error") for answer in answers] == [None, {"code": -32600}, None, {"code": -32602}]
    assert [answer["id"] for answer in answers] == ["a", None, "b", 3]
    for index in (0, 2, 3):
        check_answer("message.append", answers[index])
    assert contents(wire, session) == ["one", "two", "three"]


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
    assert contents(wire, session) == [*map(str, range(60)), "x", "y", "last"]


class TestALowBatchLimit:
    @pytest.fixture
    def config(self) -> Config:
        return Config(limits=Limits(batch=10))

    def test_a_batch_over_it_gives_one_error_and_nothing_of_it_runs(self, wire: Wire, session: str) -> None:
        answer = wire.ask(json.dumps([append(str(id), id) for id in range(11)]).encode())
        assert answer["error"]["data"] == {"kind": "too_large", "limit": 10}
        assert wordless(answer) == failed(-32004)
        assert contents(wire, session) == []
        assert len(ask(wire, [append(str(id), id) for id in range(10)])) == 10
        assert contents(wire, session) == [str(id) for id in range(10)]


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
