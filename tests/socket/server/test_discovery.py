"""What the running server says of itself is what it does."""

from typing import Any

import pytest

from segue import __version__
from segue.api import METHODS
from tests.support.inprocess import Server
from tests.support.schema import DOCUMENT
from tests.support.wire import Wire
from tests.unit.jsonrpc.test_openrpc import openrpc


def test_the_document_is_served_and_valid_and_the_one_that_the_tests_check_against(wire: Wire) -> None:
    found = wire.call("rpc.discover")
    openrpc().validate(found)
    assert found["info"]["version"] == __version__
    assert {**found, "info": None} == {**DOCUMENT, "info": None}
    assert wire.call("rpc.discover") == found


def test_every_method_of_the_document_is_served_and_refuses_an_unknown_parameter(server: Server, wire: Wire) -> None:
    names = [entry["name"] for entry in wire.call("rpc.discover")["methods"]]
    assert names == list(METHODS)
    for name in names:
        given = {"no_such_parameter": 1}
        error = wire.respond(name, given)["error"]
        first = next((p.name for p in METHODS[name].parameters if p.default is p.empty), None)
        assert error["code"] == -32602, name
        assert error["data"]["path"] in (f"$.{first}", "$.no_such_parameter"), name
        assert wire.respond(name, ["x"] * 50)["error"]["data"]["path"] == "$", name
    assert server.connect().call("daemon.ping") == "pong"


@pytest.mark.parametrize(
    "name", [name for name in METHODS if all(p.default is not p.empty for p in METHODS[name].parameters)]
)
def test_a_method_without_required_parameters_answers_without_any_and_with_nulls(wire: Wire, name: str) -> None:
    nulls = {parameter.name: None for parameter in METHODS[name].parameters}
    ways: list[Any] = [{}, [], nulls]
    for params in ways:
        answer = wire.respond(name, params)
        data = {} if "result" in answer else answer["error"]["data"]
        assert "result" in answer or data["kind"] == "invalid_params" or data.get("reason") == "sync_off"
        if name == "daemon.shutdown":
            return
