"""A line in, a line out: the specification's examples, batches, limits, and faults that stay in the log."""

import json
import logging
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.config import Limits
from segue.errors import InvalidParams
from segue.jsonrpc.dispatcher import Dispatcher
from tests.support import specification
from tests.support.answers import failed, wordless
from tests.unit.jsonrpc.calls import CANARY, METHODS, answer, request, result


@pytest.fixture
def dispatcher() -> Dispatcher:
    return Dispatcher(METHODS, Limits(batch=10, answer_bytes=1000))


def notification(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


@pytest.mark.parametrize(("asked", "answered"), specification.exchanges(), ids=lambda text: repr(text)[:60])
async def test_the_examples_of_the_specification_are_answered_as_printed(asked: str, answered: str | None) -> None:
    line = await Dispatcher(specification.METHODS, Limits()).handle_line(asked.encode(), None)
    if answered is None:
        assert line is None
    else:
        assert line is not None
        assert wordless(json.loads(line)) == without_message(json.loads(answered))


def without_message(printed: Any) -> Any:
    """Return a printed answer with the code alone of its errors."""
    if isinstance(printed, list):
        return [without_message(one) for one in printed]
    return {**printed, "error": {"code": printed["error"]["code"]}} if "error" in printed else printed


def test_there_are_as_many_examples_as_are_printed() -> None:
    assert len(specification.exchanges()) == 15
    assert sum(answered is None for _, answered in specification.exchanges()) == 3


@pytest.mark.parametrize("name", ["", "nope", "rpc.nope", "rpc.", "ECHO", "echo ", "echo\0", "é", "x" * 100_000])
async def test_a_name_that_is_no_method_is_not_found(dispatcher: Dispatcher, name: str) -> None:
    assert await answer(dispatcher, request(name)) == failed(-32601, 1)
    line = await dispatcher.handle_line(msgspec.json.encode(request(name)), None)
    assert line is not None
    assert len(line) < 1000


@pytest.mark.parametrize("reply", [result("x"), failed(-32603, 1), {"jsonrpc": "2.0", "id": 1}])
async def test_an_answer_sent_to_the_server_is_an_invalid_request(dispatcher: Dispatcher, reply: Any) -> None:
    assert await answer(dispatcher, reply) == failed(-32600, 1)


@pytest.mark.parametrize("item", [1, "x", None, True, 1.5], ids=repr)
async def test_what_is_neither_object_nor_array_is_an_invalid_request(dispatcher: Dispatcher, item: Any) -> None:
    assert await answer(dispatcher, item) == failed(-32600)
    assert await answer(dispatcher, [item, [], [request("echo")]]) == [failed(-32600)] * 3


@pytest.mark.parametrize("method", ["echo", "refuse", "boom", "nope", "rpc.nope"])
async def test_a_notification_is_never_answered_whatever_becomes_of_it(dispatcher: Dispatcher, method: str) -> None:
    assert await answer(dispatcher, notification(method)) is None
    assert await answer(dispatcher, notification(method, unknown=1)) is None
    assert await answer(dispatcher, [notification(method), notification(method)]) is None


async def test_a_notification_runs(dispatcher: Dispatcher) -> None:
    noted: list[Any] = []
    assert await answer(dispatcher, notification("note", value=1), noted) is None
    assert noted == [1]


async def test_a_batch_runs_in_order_and_answers_each_item_that_wants_it(dispatcher: Dispatcher) -> None:
    noted: list[Any] = []
    batch = [
        request("note", 1, value="a"),
        notification("note", value="b"),
        request("note", 1, value="c"),
        {"jsonrpc": "2.0", "id": "x"},
        request("refuse", None),
        notification("boom"),
        request("note", "last", value="d"),
    ]
    assert await answer(dispatcher, batch, noted) == [
        result(1),
        result(3),
        failed(-32600, "x"),
        failed(-32002),
        result(4, "last"),
    ]
    assert noted == ["a", "b", "c", "d"]


async def test_a_batch_may_be_as_long_as_the_limit_and_nothing_of_a_longer_one_runs(dispatcher: Dispatcher) -> None:
    noted: list[Any] = []
    assert await answer(dispatcher, [request("note")] * 10, noted) == [result(count) for count in range(1, 11)]
    assert await answer(dispatcher, [request("note")] * 11, noted) == failed(-32004)
    assert await answer(dispatcher, [notification("note")] * 11, noted) == failed(-32004)
    assert len(noted) == 10


async def test_a_batch_whose_answers_are_too_large_runs_no_more_requests(dispatcher: Dispatcher) -> None:
    noted: list[Any] = []
    batch = [
        request("echo", "big", value="x" * 1000),
        request("note", "not run"),
        notification("note", value="run, for it takes no room"),
        {"method": "wrong", "id": "wrong"},
    ]
    assert await answer(dispatcher, batch, noted) == [
        result("x" * 1000, "big"),
        failed(-32004, "not run"),
        failed(-32600, "wrong"),
    ]
    assert noted == ["run, for it takes no room"]


async def test_params_may_be_given_by_position_but_not_too_many(dispatcher: Dispatcher) -> None:
    assert await answer(dispatcher, {**request("echo"), "params": ["a"]}) == result("a")
    assert await answer(dispatcher, {**request("echo"), "params": []}) == result(None)
    assert await answer(dispatcher, {**request("echo"), "params": ["a", "b"]}) == failed(-32602, 1)
    assert await answer(dispatcher, {**request("echo"), "params": None}) == result(None)


async def test_an_exception_is_reported_only_by_the_incident_that_finds_it_in_the_log(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    line = await dispatcher.handle_line(msgspec.json.encode(request("boom")), None)
    check_incident(line, caplog)
    assert f"RuntimeError: {CANARY}" in caplog.text
    assert "in boom" in caplog.text


@pytest.mark.parametrize("which", ["object", "surrogate", "deep", "long", "key"])
async def test_a_result_that_is_not_json_is_an_incident_too(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture, which: str
) -> None:
    check_incident(
        await dispatcher.handle_line(msgspec.json.encode(request("unserialisable", which=which)), None), caplog
    )
    assert await answer(dispatcher, request("echo", value=1)) == result(1)


async def test_an_error_whose_data_is_not_json_is_an_incident_too(
    dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    check_incident(await dispatcher.handle_line(msgspec.json.encode(request("refuse_badly")), None), caplog)


def check_incident(line: bytes | None, log: pytest.LogCaptureFixture) -> None:
    """Fail unless the line is an opaque error, and the log has one traceback under its incident."""
    assert line is not None
    assert CANARY.encode() not in line
    assert b".py" not in line
    found = json.loads(line)
    incident = found["error"]["data"].pop("incident")
    assert found["error"].pop("message")
    assert found == {"jsonrpc": "2.0", "error": {"code": -32603, "data": {"kind": "internal"}}, "id": 1}
    (record,) = [record for record in log.records if record.levelno >= logging.WARNING]
    assert incident in record.getMessage()
    assert record.exc_info
    assert record.exc_info[2] is not None


async def test_a_dispatcher_that_closes_refuses_requests_and_runs_nothing(dispatcher: Dispatcher) -> None:
    noted: list[Any] = []
    dispatcher.closing = True
    assert await answer(dispatcher, request("note"), noted) == failed(-32006, 1)
    assert await answer(dispatcher, [request("note"), notification("note")], noted) == [failed(-32006, 1)]
    assert await answer(dispatcher, notification("note"), noted) is None
    assert noted == []


async def test_requests_and_errors_are_counted(dispatcher: Dispatcher) -> None:
    await dispatcher.handle_line(b"{", None)
    await answer(dispatcher, [])
    await answer(dispatcher, [request("echo")] * 11)
    await answer(dispatcher, [request("echo"), notification("echo"), request("nope"), 1])
    assert dispatcher.requests == 7
    assert dispatcher.errors == {"parse_error": 1, "invalid_request": 2, "too_large": 1, "method_not_found": 1}


def test_a_wrong_parameter_is_reported_by_path_and_reason() -> None:
    assert InvalidParams("too odd", path="$.x").to_wire() == {
        "code": -32602,
        "message": "$.x: too odd",
        "data": {"kind": "invalid_params", "path": "$.x", "reason": "too odd"},
    }


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()

values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)

requests = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.sampled_from(["2.0", "2.0", "1.0"]) | values,
        "method": st.sampled_from(["echo", "echo", "refuse", "nope"]) | values,
        "params": st.fixed_dictionaries({}, optional={"value": values}) | values,
        "id": scalars | values,
        "extra": values,
    },
)


def expected_id(item: Any) -> Any:
    """Return the id that the specification wants in the answer."""
    id = item.get("id") if isinstance(item, dict) else None
    return id if isinstance(id, str | int | float) and not isinstance(id, bool) else None


def is_notification(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and "id" not in item
        and item.get("jsonrpc") == "2.0"
        and isinstance(item.get("method"), str)
        and isinstance(item.get("params", {}), dict | list)
    )


@given(requests | values | st.lists(requests | values, max_size=5))
async def test_any_json_is_answered_once_for_each_request_with_its_id(item: Any) -> None:
    given = await answer(Dispatcher(METHODS, Limits()), item, [])
    items = item if isinstance(item, list) and item else [item]
    wanted = [expected_id(one) for one in items if not is_notification(one)]
    if not wanted:
        assert given is None
        return
    assert isinstance(given, list) == bool(isinstance(item, list) and item)
    answers = given if isinstance(given, list) else [given]
    assert [one["id"] for one in answers] == wanted
    assert all(set(one) in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}) for one in answers)
