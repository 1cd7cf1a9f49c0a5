"""Build the discovery document, OpenRPC 1.3.2, from the definitions that validate the requests."""

import inspect
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
    supply = iter(schemas)
    params = {name: [_param(p, next(supply)) for p in method.parameters] for name, method in methods.items()}
    results = {name: next(supply) for name in methods}
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {"title": title, "version": version, "description": description},
        "methods": [_method(method, params[name], results[name]) for name, method in methods.items()],
        "components": {"schemas": components},
    }


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
