"""Generate `segue.d.ts` from the discovery document: `python -m tests.process.docs.typescript --write`, or check it."""

import sys
from pathlib import Path
from typing import Any

from segue import PROTOCOL
from segue.api import METHODS
from segue.events import DATA
from segue.jsonrpc.openrpc import document

TARGET = Path(__file__).parents[3] / "src" / "segue" / "javascript" / "segue.d.ts"

SIMPLE = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}

HEAD = """\
// Types of segue.mjs, generated from the discovery document by tests/process/docs/typescript.py.

export class SegueError extends Error {
  readonly code: number;
  readonly kind: string;
  readonly data: Record<string, unknown>;
}

export class ConnectionError extends Error {
  readonly sent: boolean;
}

export interface Options {
  socket?: string;
  timeout?: number;
  retry?: number;
}

export type MethodName = keyof Methods;
export type Params<M extends MethodName> = Methods[M]["params"];
export type Result<M extends MethodName> = Methods[M]["result"];
export type Call = { [M in MethodName]: { method: M; params?: Params<M> } }[MethodName];
export type Outcome = { result: unknown; error?: undefined } | { result?: undefined; error: SegueError };

export interface Event {
  subscription_id: string;
  cursor: string;
  kind: EventKind;
  session_id: string | null;
  at: string;
  data: Record<string, unknown>;
}

export class Client {
  readonly socket: string;
  timeout: number;
  retry: number;
  call<M extends MethodName>(method: M, params?: Params<M>): Promise<Result<M>>;
  batch(calls: Call[]): Promise<Outcome[]>;
  events(params?: Params<"events.subscribe">): AsyncGenerator<Event, void, void>;
  close(): void;
}

export function connect(options?: Options): Promise<Client>;
export function findSocket(environment?: Record<string, string | undefined>): string;
"""


def declarations() -> str:
    """Return the content of the file."""
    described = document(METHODS, title="segued", version="", description=f"Wire contract {PROTOCOL}.")
    kinds = " | ".join(f'"{kind}"' for kind in DATA)
    parts = [HEAD, f"export type EventKind = {kinds};\n", "export interface Methods {"]
    for method in described["methods"]:
        members = ", ".join(
            f"{param['name']}{'' if param.get('required') else '?'}: {_type(param['schema'])}"
            for param in method["params"]
        )
        result = _type(method["result"]["schema"])
        parts.append(f'  "{method["name"]}": {{\n    params: {{ {members} }};\n    result: {result};\n  }};')
    parts.append("}\n")
    for name, schema in sorted(described["components"]["schemas"].items()):
        parts.append(f"export {_declaration(name, schema)}\n")
    return "\n".join(parts)


def _declaration(name: str, schema: dict[str, Any]) -> str:
    if schema.get("type") != "object" or "properties" not in schema:
        return f"type {name} = {_type(schema)};"
    required = set(schema.get("required", ()))
    lines = [f"  {key}{'' if key in required else '?'}: {_type(value)};" for key, value in schema["properties"].items()]
    return "\n".join([f"interface {name} {{", *lines, "}"])


def _type(schema: dict[str, Any]) -> str:
    """Return the TypeScript type of a JSON Schema."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join("null" if value is None else f'"{value}"' for value in schema["enum"])
    if "const" in schema:
        return f'"{schema["const"]}"'
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " | ".join(dict.fromkeys(map(_type, choices)))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}) for one in kind)
    if kind == "array":
        return f"Array<{_type(schema.get('items', {}))}>"
    return _object(schema) if kind == "object" else SIMPLE.get(str(kind), "unknown")


def _object(schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        values = schema.get("additionalProperties", {})
        return f"Record<string, {_type(values) if isinstance(values, dict) else 'unknown'}>"
    required = set(schema.get("required", ()))
    members = ", ".join(f"{k}{'' if k in required else '?'}: {_type(v)}" for k, v in schema["properties"].items())
    return f"{{ {members} }}" if members else "Record<string, never>"


def main() -> None:
    """Write the file, or fail if it is out of date."""
    if "--write" in sys.argv:
        TARGET.write_text(declarations(), encoding="utf-8")
    elif TARGET.read_text(encoding="utf-8") != declarations():
        raise SystemExit(f"{TARGET} is out of date; run: python -m tests.process.docs.typescript --write")


if __name__ == "__main__":
    main()
