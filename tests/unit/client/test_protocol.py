import json
from typing import Any

import pytest
from msgspec import UNSET

from segue.client import ConnectionLost, ProtocolError
from segue.client.protocol import RequestPipeline, arguments
from segue.errors import NotFound, UnknownError


@pytest.fixture
def pipeline() -> RequestPipeline:
    return RequestPipeline()


def answer(**members: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode() + b"\n"


def test_a_request_is_one_line_with_a_new_id(pipeline: RequestPipeline) -> None:
    _, first = pipeline.new_request("a", {"text": "x\ny"})
    _, second = pipeline.new_request("b", None)
    assert first.count(b"\n") == 1
    assert json.loads(first) == {"jsonrpc": "2.0", "method": "a", "id": 1, "params": {"text": "x\ny"}}
    assert json.loads(second) == {"jsonrpc": "2.0", "method": "b", "id": 2}


def test_each_response_is_matched_to_its_request_by_id(pipeline: RequestPipeline) -> None:
    ids = [pipeline.new_request("a", None)[0] for _ in range(3)]
    pipeline.feed(answer(id=1, result="one") + answer(id=2, result=None) + b'{"jsonrpc":"2.0","id":3,')
    assert [found and found.raw() for found in map(pipeline.pop_response, ids)] == [b'"one"', b"null", None]
    pipeline.feed(b'"result":{"a": 1.0}}\n')
    last = pipeline.pop_response(3)
    assert last is not None
    assert last.raw() == b'{"a": 1.0}'


def test_a_result_keeps_the_text_that_the_daemon_sent(pipeline: RequestPipeline) -> None:
    id, _ = pipeline.new_request("a", None)
    pipeline.feed(b'{"jsonrpc":"2.0","result":{"n": 1e400, "n":  123456789012345678901234567890},"id":1}\n')
    found = pipeline.pop_response(id)
    assert found is not None
    assert found.raw() == b'{"n": 1e400, "n":  123456789012345678901234567890}'


def test_an_error_is_raised_as_the_class_that_the_daemon_raised(pipeline: RequestPipeline) -> None:
    id, _ = pipeline.new_request("a", None)
    pipeline.feed(answer(id=1, error=NotFound("session", "x").to_wire()))
    found = pipeline.pop_response(id)
    assert found is not None
    with pytest.raises(NotFound) as raised:
        found.raw()
    assert raised.value.data == {"what": "session", "id": "x"}


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {"kind": "from the future", "message": "m"}}])
def test_an_error_of_an_unknown_kind_is_raised_as_unknown(pipeline: RequestPipeline, data: dict[str, Any]) -> None:
    id, _ = pipeline.new_request("a", None)
    pipeline.feed(answer(id=1, error={"code": -1, "message": "no", **data}))
    found = pipeline.pop_response(id)
    assert found is not None
    with pytest.raises(UnknownError):
        found.raw()


def test_an_error_without_an_id_belongs_to_the_oldest_pending_request(pipeline: RequestPipeline) -> None:
    ids = [pipeline.new_request("a", None)[0] for _ in range(3)]
    pipeline.feed(answer(id=1, result=1) + answer(id=None, error=NotFound("session", "x").to_wire()))
    assert [pipeline.pop_response(id) is not None for id in ids] == [True, True, False]


def test_the_response_to_a_forgotten_request_is_dropped(pipeline: RequestPipeline) -> None:
    ids = [pipeline.new_request("a", None)[0] for _ in range(2)]
    pipeline.forget(ids[0])
    pipeline.feed(answer(id=None, error=NotFound("session", "x").to_wire()) + answer(id=2, result=2))
    found = pipeline.pop_response(ids[1])
    assert found is not None
    assert found.raw() == b"2"


def test_a_notification_is_not_a_response(pipeline: RequestPipeline) -> None:
    id, _ = pipeline.new_request("a", None)
    pipeline.feed(answer(method="weather", params={}))
    assert pipeline.pop_response(id) is None


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 400 Bad Request\n",
        b"\xff\n",
        b"[]\n",
        b'{"jsonrpc":"2.0","result":1}\n',
        answer(id=7, result=1),
        answer(id="1", result=1),
        answer(id=1, result=1) * 2,
        answer(id=1, error="no"),
        b"[" * 100_000 + b"\n",
    ],
)
def test_a_line_that_answers_no_request_raises_protocol_error(pipeline: RequestPipeline, line: bytes) -> None:
    pipeline.new_request("a", None)
    with pytest.raises(ProtocolError):
        pipeline.feed(line)


def test_a_response_without_result_and_error_raises_protocol_error(pipeline: RequestPipeline) -> None:
    id, _ = pipeline.new_request("a", None)
    pipeline.feed(answer(id=1))
    found = pipeline.pop_response(id)
    assert found is not None
    with pytest.raises(ProtocolError):
        found.raw()


def test_a_result_of_an_unexpected_type_raises_protocol_error(pipeline: RequestPipeline) -> None:
    id, _ = pipeline.new_request("a", None)
    pipeline.feed(answer(id=1, result="three"))
    found = pipeline.pop_response(id)
    assert found is not None
    with pytest.raises(ProtocolError):
        found.decode(int)


def test_the_end_of_the_stream_raises_connection_lost(pipeline: RequestPipeline) -> None:
    pipeline.new_request("a", None)
    with pytest.raises(ConnectionLost):
        pipeline.feed(b"")


def test_an_unset_parameter_is_left_out_and_null_is_sent() -> None:
    assert arguments((), {"a": UNSET, "b": None, "c": 1}) == {"b": None, "c": 1}


def test_a_positional_parameter_raises_type_error() -> None:
    with pytest.raises(TypeError):
        arguments(("x",), {})
