"""Checks of responses and events against the discovery document."""

from functools import cache
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from segue.api import METHODS
from segue.errors import KINDS
from segue.events import DATA, Event
from segue.jsonrpc.openrpc import document

DOCUMENT: dict[str, Any] = msgspec.json.decode(
    msgspec.json.encode(document(METHODS, title="segued", version="test", description=""))
)
_BASE = "urn:segue"


@cache
def _validator(method: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource(
        _BASE, Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
    )
    index = [entry["name"] for entry in DOCUMENT["methods"]].index(method)
    return Draft202012Validator({"$ref": f"{_BASE}#/methods/{index}/result/schema"}, registry=registry)


def check_result(method: str, result: Any) -> None:
    """Fail if the result does not have the type that the document gives."""
    _validator(method).validate(result)


def check_error(method: str, error: Any) -> None:
    """Fail if the error is malformed, or if the document does not list it for the method."""
    assert set(error) == {"code", "message", "data"}
    kind = KINDS[error["data"]["kind"]]
    assert error["code"] == kind.code
    entry = next((entry for entry in DOCUMENT["methods"] if entry["name"] == method), None)
    if entry is not None:
        listed = {one["code"] for one in entry["errors"]}
        assert error["code"] in listed, f"{method} may not answer {error['data']['kind']}: {error}"


@cache
def _event_validator(kind: str) -> Draft202012Validator:
    (event, data), components = msgspec.json.schema_components([Event, DATA[kind]])  # type: ignore[index]
    return Draft202012Validator({"allOf": [event, {"properties": {"data": data}}], "$defs": components})


def check_event(notification: Any) -> None:
    """Fail if it is not an event notification with exactly the data of its kind."""
    assert set(notification) == {"jsonrpc", "method", "params"}
    assert (notification["jsonrpc"], notification["method"]) == ("2.0", "event")
    event = notification["params"]
    assert set(event) == set(Event.__struct_fields__)
    kind = event["kind"]
    _event_validator(kind).validate(event)
    fields = msgspec.structs.fields(DATA[kind])
    assert {field.name for field in fields if field.required} <= set(event["data"]) <= {field.name for field in fields}


def check_answer(method: str, answer: Any) -> None:
    """Fail if the response is not a JSON-RPC 2.0 response that the method may give."""
    assert answer["jsonrpc"] == "2.0"
    if "error" in answer:
        assert set(answer) == {"jsonrpc", "error", "id"}
        check_error(method, answer["error"])
    else:
        assert set(answer) == {"jsonrpc", "result", "id"}
        check_result(method, answer["result"])
