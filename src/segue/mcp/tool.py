"""A tool from one typed function: its signature gives both schemas and the check of the arguments."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import msgspec

from segue.jsonrpc.method import Method, is_optional
from segue.mcp.daemon import Daemon


class ToolError(Exception):
    """A reason why a tool cannot do its work. The text says what the model can do."""


class Session(NamedTuple):
    """The resources of a tool: the daemon, and the tokens that its answer may have."""

    daemon: Daemon
    tokens: int


@dataclass(frozen=True)
class Tool:
    """A function that a model may call, and the hints for the user's consent."""

    name: str
    title: str
    function: Callable[..., Any]
    read_only: bool = True
    destructive: bool = False

    @cached_property
    def signature(self) -> Method[Any, ..., Any]:
        """Return the signature as that of an RPC method. Only its parameters and its result are used."""
        return Method(self.name, cast(Any, self.function), ())

    def run(self, session: Session, arguments: Any) -> Any:
        """Check the arguments and return the result. An optional argument that is an empty text counts as left out.

        Raises:
            ToolError: The arguments are no object.
            InvalidParams: An argument is missing, unknown or wrong.
        """
        if not isinstance(arguments, dict | None):
            raise ToolError("arguments must be an object")
        optional = {p.name for p in self.signature.parameters if is_optional(p)}
        given = {name: value for name, value in (arguments or {}).items() if value != "" or name not in optional}
        return self.function(session, **self.signature.bind(given))

    def describe(self) -> dict[str, Any]:
        """Return the entry of `tools/list`."""
        return {
            "name": self.name,
            "title": self.title,
            "description": re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(self.function) or ""),
            "inputSchema": _without_null(object_schema(self.signature.params)),
            "outputSchema": object_schema(self.signature.result),
            "annotations": {
                "title": self.title,
                "readOnlyHint": self.read_only,
                "destructiveHint": self.destructive,
                "idempotentHint": True,
                "openWorldHint": False,
            },
        }


def object_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a type. MCP needs an object at the root, and some providers the type of an enum."""
    [root], definitions = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    schema: dict[str, Any] = definitions.pop(root["$ref"].rpartition("/")[2])
    for one in (schema, *definitions.values()):
        del one["title"]  # Only the name of a type.
    if definitions:
        schema["$defs"] = definitions
    _add_enum_types(schema)
    return schema


def _add_enum_types(schema: Any) -> None:
    if isinstance(schema, dict):
        if "enum" in schema:
            schema.setdefault("type", "string")
        for inner in schema.values():
            _add_enum_types(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _add_enum_types(inner)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the arguments without null, which counts as left out and not all providers accept."""
    for name, inner in schema["properties"].items():
        if "anyOf" in inner:
            [kind] = [one for one in inner["anyOf"] if one.get("type") != "null"]
            schema["properties"][name] = kind
    return {**schema, "additionalProperties": False}
