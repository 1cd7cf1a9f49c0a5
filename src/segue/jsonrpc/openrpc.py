"""Build the discovery document, OpenRPC 1.3.2, from the definitions that validate the requests."""

import inspect
import re
from typing import Any

import msgspec
from msgspec import UNSET

from segue.errors import Internal, InvalidParams, Overloaded, SegueError, ShuttingDown
from segue.jsonrpc.method import Method, Table, is_optional, wire_type

OPENRPC_VERSION = "1.3.2"
"""The newest version that the published meta-schema accepts."""

ANY_METHOD: tuple[type[SegueError], ...] = (InvalidParams, Internal, Overloaded, ShuttingDown)
"""Errors that every method can return."""


def document(methods: Table, *, title: str, version: str, description: str) -> dict[str, Any]:
    """Return the document of a table of methods."""
    types = [wire_type(p) for method in methods.values() for p in method.parameters]
    types += [method.result for method in methods.values()]
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    for name, schema in components.items():
        _add_titles(schema, name)
    supply = iter(schemas)
    params = {
        name: [_param(p, _add_titles(next(supply), _pascal(name) + _pascal(p.name))) for p in method.parameters]
        for name, method in methods.items()
    }
    results = {name: _add_titles(next(supply), f"{_pascal(name)}Result") for name in methods}
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {"title": title, "version": version, "description": description},
        "methods": [_method(method, params[name], results[name]) for name, method in methods.items()],
        "components": {"schemas": components},
    }


def _add_titles(schema: dict[str, Any], title: str) -> dict[str, Any]:
    """Give the schema and its inner schemas titles, which generators turn into the names of types, and return it.

    The title of an inner schema begins with that of its outer one, so that no two differing schemas have the same.
    """
    if "$ref" in schema:
        return schema
    schema.setdefault("title", "Null" if schema.get("type") == "null" else title)
    for name, inner in schema.get("properties", {}).items():
        _add_titles(inner, title + _pascal(name))
    for inner in schema.get("anyOf", ()):
        _add_titles(inner, f"{title}{_pascal(inner.get('type', 'value'))}")
    for keyword, suffix in (("items", "Item"), ("additionalProperties", "Value")):
        if isinstance(schema.get(keyword), dict):
            _add_titles(schema[keyword], title + suffix)
    return schema


def _pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[._]", name))


def _method(method: Method[Any, ..., Any], params: list[dict[str, Any]], result: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": method.name,
        "summary": method.summary,
        "description": inspect.getdoc(method.handler) or "",
        "paramStructure": "either",
        "params": params,
        "result": {"name": "result", "schema": result},
        "errors": [{"code": e.code, "message": e.kind} for e in (*method.raises, *ANY_METHOD)],
    }


def _param(parameter: inspect.Parameter, schema: dict[str, Any]) -> dict[str, Any]:
    if is_optional(parameter) and parameter.default not in (None, UNSET):
        schema = {**schema, "default": parameter.default}
    return {"name": parameter.name, "required": not is_optional(parameter), "schema": schema}
