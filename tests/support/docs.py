"""The generated parts of the documentation; `python -m tests.support.docs --write` writes them, `--check` compares.

A page has `<!-- NAME: generated … -->` before a generated part and `<!-- end of NAME -->` after it.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from inspect import Parameter
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import msgspec
from msgspec.inspect import (
    BoolType,
    FloatType,
    IntType,
    ListType,
    LiteralType,
    NoneType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from segue.api import METHODS
from segue.browse.keys import KEYS, LIST, READ
from segue.cli.main import command as segue
from segue.client import AsyncClient, Client
from segue.config import Config, Limits
from segue.errors import KINDS
from segue.events import DATA
from segue.jsonrpc.method import Method, is_optional
from segue.manual import topic_path
from segue.mcp.tools import TOOLS
from segue.models import Bot, Extraction, Memory, Message, Session, SessionSummary, Summary
from segue.redaction import SECRETS
from segue.shell import VARIABLES
from tests.process.docs import completion, licences, trials, typescript

README = Path(__file__).parents[2] / "README.md"
HELP_COLUMNS = 80

NAMED = (Session, SessionSummary, Message, Memory, Summary, Extraction, Bot)
"""Objects whose members `segue help protocol` lists."""


def commands() -> str:
    """Return the help text of every command, the groups' own commands included."""
    return "\n\n".join(f"## {path}\n\n```\n{text}\n```" for path, text in _command_help(segue, None))


def methods() -> str:
    """Return each method with its parameters, result and errors, under a heading for each noun."""
    parts, noun = [], ""
    for method in METHODS.values():
        if method.name.partition(".")[0] != noun:
            noun = method.name.partition(".")[0]
            parts.append(f"## {noun}")
        parts.append(_method(method))
    return "\n\n".join(parts)


def errors() -> str:
    """Return one row for each kind of error."""
    rows = [(str(error.code), f"`{kind}`", _first_line(error)) for kind, error in KINDS.items()]
    return table(("code", "kind", "when"), rows)


def kinds() -> str:
    """Return one row for each kind of event, with the members of its data."""
    return table(("kind", "data"), [(f"`{kind}`", _members(data, "a ")) for kind, data in DATA.items()])


def configuration() -> str:
    """Return one row for each key of the configuration."""
    rows = []
    for attribute, section in zip(Config.__struct_fields__, Config.__struct_encode_fields__, strict=True):
        kind = type_info(type(getattr(Config(), attribute)))
        assert isinstance(kind, StructType)
        for field in kind.fields:
            default = "not set" if field.default is None else f"`{_toml(field.default)}`"
            rows.append((f"`{section}.{field.encode_name}`", _allowed(field.type), default))
    return table(("key", "value", "default"), rows)


def limits() -> str:
    """Return one row for each configurable limit."""
    rows = [(f"`limits.{name}`", f"{getattr(Limits(), name):,}".replace(",", " ")) for name in Limits.__struct_fields__]
    return table(("key", "default"), rows)


def secrets() -> str:
    """Return the kinds of secrets that the daemon redacts."""
    return ", ".join(f"`{kind}`" for kind in sorted({secret.kind for secret in SECRETS})) + "."


def client() -> str:
    """Return the signatures of both clients."""
    return "\n\n".join(f"## {kind.__name__}\n\n```text\n{_signatures(kind)}\n```" for kind in (Client, AsyncClient))


def objects() -> str:
    """Return one row for each well-known object, with its members."""
    rows = [(kind.__name__, ", ".join(f"`{name}`" for name in kind.__struct_encode_fields__)) for kind in NAMED]
    return table(("object", "members"), rows)


def tools() -> str:
    """Return one row for each tool of the MCP server, with its arguments."""
    rows = []
    for name, tool in TOOLS.items():
        described = [f"`{p.name}?`" if is_optional(p) else f"`{p.name}`" for p in tool.signature.parameters]
        rows.append((f"`{name}`", ", ".join(described), tool.signature.summary.partition(". ")[0].removesuffix(".")))
    return table(("tool", "arguments", "what it does"), rows)


def browse_keys() -> str:
    """Return one row for each key of the browser."""
    panes = {LIST: "list", READ: "conversation"}
    rows = []
    for key in KEYS:
        where = "" if len(key.panes) > 1 else panes[key.panes[0]]
        shown = " ".join(f"`{one}`" for one in key.shown.split())
        rows.append((shown, key.label, where, f"`{key.command}`" if key.command else ""))
    return table(("key", "does", "only in", "command"), rows)


def variables() -> str:
    """Return one row for each variable of the shell integration."""
    rows = [(f"`{name}`", default, effect) for name, (default, effect) in VARIABLES.items()]
    return table(("variable", "default", "effect"), rows)


PAGES: dict[Path, dict[str, Callable[[], str]]] = {
    topic_path("browse"): {"keys": browse_keys},
    topic_path("commands"): {"commands": commands},
    topic_path("mcp"): {"tools": tools},
    topic_path("methods"): {"methods": methods},
    topic_path("errors"): {"errors": errors},
    topic_path("events"): {"kinds": kinds},
    topic_path("configuration"): {"configuration": configuration},
    topic_path("design"): {"licences": licences.licences},
    topic_path("limits"): {"limits": limits},
    topic_path("privacy"): {"secrets": secrets},
    topic_path("protocol"): {"objects": objects},
    topic_path("python"): {"client": client},
    topic_path("shell"): {"variables": variables},
}
"""The generated parts of each page."""


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    first, *others = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([first, f"|{'---|' * len(head)}", *others])


def replaced(text: str, name: str, part: str) -> str:
    """Return the page with a new generated part; SystemExit if the page has no marks for it."""
    found = re.search(rf"^<!-- {name}: generated.* -->\n(?:.*\n)*?(?=<!-- end of {name} -->)", text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"a page has no place for {name}")
    start = found[0].partition("\n")[0]
    return f"{text[: found.start()]}{start}\n{part}\n{text[found.end() :]}"


def part_of(text: str, name: str) -> str:
    """Return a generated part as the page has it now."""
    return text.partition(f"<!-- {name}: generated")[2].partition("-->\n")[2].partition(f"<!-- end of {name} -->")[0]


def updated(path: Path) -> str:
    """Return the page with all its generated parts as the code has them."""
    text = path.read_text()
    for name, make in PAGES[path].items():
        text = replaced(text, name, make())
    return text


def _command_help(command: click.Command, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    name = command.name if parent else "segue"
    with click.Context(command, info_name=name, parent=parent, **command.context_settings) as context:
        context.terminal_width = HELP_COLUMNS
        yield context.command_path, command.get_help(context)
        if isinstance(command, click.Group):
            found = (command.get_command(context, name) for name in command.list_commands(context))
            for inner in filter(None, found):
                yield from _command_help(inner, context)


def _method(method: Method[Any, ..., Any]) -> str:
    parameters = ", ".join(_parameter(parameter) for parameter in method.parameters) or "none"
    lines = [f"### {method.name}", "", method.summary, "", f"- Parameters: {parameters}"]
    lines.append(f"- Result: {_members(method.result, '')}")
    if method.raises:
        lines.append(f"- Errors: {', '.join(f'`{error.kind}`' for error in method.raises)}")
    return "\n".join(lines)


def _parameter(parameter: Parameter) -> str:
    if not is_optional(parameter):
        return f"`{parameter.name}`"
    default = parameter.default
    if not isinstance(default, str | int):
        return f"`{parameter.name}?`"
    return f"`{parameter.name}={str(default).lower() if isinstance(default, bool) else default}`"


def _members(kind: Any, article: str) -> str:
    """Return the name of a well-known object, else the members of an object, else the name of the type."""
    if type(None) in get_args(kind):
        [other] = [one for one in get_args(kind) if one is not type(None)]
        return f"{_members(other, article)} or null"
    if get_origin(kind) is Literal:
        return ", ".join(f'`"{value}"`' for value in get_args(kind))
    kind = get_origin(kind) or kind
    name = getattr(kind, "__name__", str(kind))
    if kind in NAMED:
        return f"{article}{name}"
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return ", ".join(f"`{field}`" for field in kind.__struct_encode_fields__) or "`{}`"
    return {"str": "a string", "dict": "an object"}.get(name, f"`{name}`")


def _allowed(kind: Type) -> str:
    """Return the values that a key of the configuration may have."""
    match kind:
        case UnionType(types=types):
            return " or ".join(_allowed(each) for each in types if not isinstance(each, NoneType))
        case ListType():
            return "a list of strings"
        case LiteralType(values=values):
            return " or ".join(f'`"{value}"`' for value in values)
        case BoolType():
            return "`true` or `false`"
        case IntType(ge=least, le=most):
            return f"integer, {least} to {_power(most)}"
        case FloatType(ge=least, gt=above, le=most):
            return f"number, {f'over {above}' if least is None else least} to {_power(most)}"
    return "string"


def _power(number: float | None) -> str:
    return "2^40" if number == 2**40 else f"{number:,}".replace(",", " ")


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _signatures(kind: type) -> str:
    lines = []
    for name, member in vars(kind).items():
        function = member.__func__ if isinstance(member, classmethod) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        lines.append(f"{name}{_signature(function)}\n    {_first_line(function)}")
    return "\n".join(lines)


def _signature(function: Callable[..., Any]) -> str:
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return f"({', '.join(str(parameter.replace(annotation=Parameter.empty)) for parameter in parameters)})"


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").splitlines()[0].replace("|", "\\|")


def main() -> None:
    """Write the generated parts, or exit with an error if they are not up to date.

    `--tried FILE` writes the counts of a run of all tests that had `--tried-file FILE`, `--long-run FILE…` those of one
    long run, which may have several parts.
    """
    for option, name, make in (("--tried", "tried", trials.counts), ("--long-run", "long-runs", trials.long_runs)):
        if option in sys.argv:
            page = topic_path("reliability")
            text, files = page.read_text(), [Path(file) for file in sys.argv[sys.argv.index(option) + 1 :]]
            page.write_text(replaced(text, name, make(files, part_of(text, name))))
            return
    completion.main()  # First, because the help is made of it
    for path in PAGES:
        if "--write" in sys.argv:
            path.write_text(updated(path))
        elif updated(path) != path.read_text():
            raise SystemExit(f"{path.name} is out of date; run: python -m tests.support.docs --write")
    typescript.main()


if __name__ == "__main__":
    main()
