"""The discovery document says what the code does, in a form that OpenRPC's own schema accepts."""

import inspect
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from segue.api import METHODS
from segue.errors import KINDS, NotFound
from segue.jsonrpc.method import method
from segue.jsonrpc.openrpc import ANY_METHOD, document
from tests.support.schema import DOCUMENT
from tests.support.specification import methods_of

DATA = Path(__file__).parents[2] / "support" / "data"
ENTRIES = {entry["name"]: entry for entry in DOCUMENT["methods"]}


@cache
def openrpc() -> Draft7Validator:
    """Return the validator of OpenRPC documents, which asks no network for the schema that it refers to."""
    meta = Resource.from_contents(
        json.loads((DATA / "json-schema-meta-schema.json").read_text()), default_specification=DRAFT7
    )
    where = "https://meta.json-schema.tools"
    registry: Registry[Any] = Registry().with_resources([(where, meta), (f"{where}/", meta)])
    return Draft7Validator(json.loads((DATA / "openrpc-meta-schema.json").read_text()), registry=registry)


def test_the_document_is_valid_openrpc() -> None:
    openrpc().validate(DOCUMENT)


@pytest.mark.parametrize(
    "wrong", [{"openrpc": "9.9.9"}, {"methods": None}, {"more": 1}, {"methods": [{"name": "x"}]}], ids=repr
)
def test_the_schema_of_openrpc_refuses_what_is_wrong(wrong: dict[str, Any]) -> None:
    assert not openrpc().is_valid({**DOCUMENT, **wrong})


def test_every_method_is_in_the_document_once_and_nothing_else_is() -> None:
    assert [entry["name"] for entry in DOCUMENT["methods"]] == list(METHODS)
    assert "rpc.discover" in METHODS


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_described_with_its_parameters_in_order(name: str) -> None:
    entry = ENTRIES[name]
    assert entry["summary"]
    assert entry["description"].startswith(entry["summary"][:20])
    assert entry["paramStructure"] == "either"
    assert [(param["name"], param["required"]) for param in entry["params"]] == [
        (parameter.name, parameter.default is inspect.Parameter.empty) for parameter in METHODS[name].parameters
    ]
    required = [param["required"] for param in entry["params"]]
    assert required == sorted(required, reverse=True) or name in ("message.append", "message.begin", "session.complete")
    assert all(param["schema"] for param in entry["params"])
    assert entry["result"]["schema"]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_lists_its_errors_and_those_of_every_method_once_each(name: str) -> None:
    listed = [(error["code"], error["message"]) for error in ENTRIES[name]["errors"]]
    assert listed == [(error.code, error.kind) for error in (*METHODS[name].raises, *ANY_METHOD)]
    assert len(set(listed)) == len(listed)
    assert {kind for _, kind in listed} <= set(KINDS)


def test_every_reference_leads_somewhere_and_every_component_is_referred_to() -> None:
    found = set(references(DOCUMENT))
    components = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert found == components


def references(node: Any) -> Iterator[str]:
    for member in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(member)
    if isinstance(node, dict) and "$ref" in node:
        yield node["$ref"]


def test_every_schema_is_a_json_schema_and_every_default_fits_its_own() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for entry in DOCUMENT["methods"]:
        for param in entry["params"]:
            Draft202012Validator.check_schema(param["schema"])
            if "default" in param["schema"]:
                Draft202012Validator(param["schema"]).validate(param["schema"]["default"])


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema without inner schemas of its own that is not a reference."""
    if isinstance(node, list):
        for item in node:
            yield from schemas(item)
    elif isinstance(node, dict):
        if {"type", "enum", "anyOf"} & set(node) and "properties" not in node:
            yield node
        for name, member in node.items():
            yield from () if name == "default" else schemas(member)


def test_every_leaf_schema_has_a_title_that_is_an_identifier_and_its_own() -> None:
    titled: dict[str, Any] = {}
    params = [param["schema"] for entry in DOCUMENT["methods"] for param in entry["params"]]
    results = [entry["result"]["schema"] for entry in DOCUMENT["methods"]]
    for schema in schemas([*params, *results, *DOCUMENT["components"]["schemas"].values()]):
        assert schema["title"].isidentifier(), schema
        assert titled.setdefault(schema["title"], schema) == schema
    assert not set(titled) & set(DOCUMENT["components"]["schemas"])
    assert all(name.isidentifier() for name in DOCUMENT["components"]["schemas"])


def test_codes_and_kinds_are_distinct() -> None:
    assert len({error.code for error in KINDS.values()}) == len(KINDS) == 12


def test_a_method_of_any_table_is_described_whole() -> None:
    @method("thing.get", raises=(NotFound,))
    async def get(ctx: object, *, thing_id: int, loud: bool = False, note: str | None = None) -> str:
        """Return a thing,
        by its id.

        Loudly if `loud`.
        """
        return f"{thing_id}{loud}{note}"

    assert document(methods_of(get=get), title="t", version="1", description="d") == {
        "openrpc": "1.3.2",
        "info": {"title": "t", "version": "1", "description": "d"},
        "methods": [
            {
                "name": "thing.get",
                "summary": "Return a thing, by its id.",
                "description": "Return a thing,\nby its id.\n\nLoudly if `loud`.",
                "paramStructure": "either",
                "params": [
                    {"name": "thing_id", "required": True, "schema": {"title": "ThingGetThingId", "type": "integer"}},
                    {
                        "name": "loud",
                        "required": False,
                        "schema": {"title": "ThingGetLoud", "type": "boolean", "default": False},
                    },
                    {
                        "name": "note",
                        "required": False,
                        "schema": {
                            "title": "ThingGetNote",
                            "anyOf": [
                                {"title": "ThingGetNoteString", "type": "string"},
                                {"title": "Null", "type": "null"},
                            ],
                        },
                    },
                ],
                "result": {"name": "result", "schema": {"title": "ThingGetResult", "type": "string"}},
                "errors": [
                    {"code": -32002, "message": "not_found"},
                    {"code": -32602, "message": "invalid_params"},
                    {"code": -32603, "message": "internal"},
                    {"code": -32001, "message": "overloaded"},
                    {"code": -32006, "message": "shutting_down"},
                ],
            }
        ],
        "components": {"schemas": {}},
    }
