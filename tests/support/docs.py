"""The parts of the README that are made of the code; `python -m tests.support.docs --write` makes them anew."""

import sys
from inspect import Parameter
from pathlib import Path
from typing import Any

from segue.api import METHODS
from segue.errors import KINDS
from segue.jsonrpc.method import Method, is_optional
from tests.support.counters import totals

README = Path(__file__).parents[2] / "README.md"

TRIED_START = "<!-- tried: made by tests/support/docs.py of the counts of a run -->\n"
TRIED_END = "\n<!-- end of tried -->"


def method_table() -> str:
    """One row a method: name, parameters in their order, what the caller gets."""
    rows = [f"| `{method.name}` | {_parameters(method)} | {method.summary} |" for method in METHODS.values()]
    return "\n".join(["| method | parameters | what you get |", "|---|---|---|", *rows])


def error_table() -> str:
    """One row a kind."""
    rows = [f"| {error.code} | `{kind}` | {_first_line(error)} |" for kind, error in KINDS.items()]
    return "\n".join(["| code | kind | when |", "|---|---|---|", *rows])


def tried_table(counted: dict[str, int]) -> str:
    """One row a kind of trial, with what one run of all tests counted."""
    return "\n".join(["| count | what |", "|---:|---|", *(f"| {count} | {what} |" for what, count in counted.items())])


def tried_rows(text: str) -> set[str]:
    """The kinds of trial that the README tells of."""
    block = text.partition(TRIED_START)[2].partition(TRIED_END)[0]
    return {row.split(" | ")[1].removesuffix(" |") for row in block.splitlines()[2:]}


def with_tried(text: str, counted: dict[str, int]) -> str:
    """The README with the counts of that run."""
    before, found, rest = text.partition(TRIED_START)
    _, closed, after = rest.partition(TRIED_END)
    if not found or not closed:
        raise SystemExit("README.md has no place for what was tried")
    return before + found + tried_table(counted) + closed + after


GENERATED = {"methods": method_table, "errors": error_table}


def updated(text: str) -> str:
    """The README with each generated part made anew between its two marks."""
    for name, make in GENERATED.items():
        start, end = f"<!-- {name}: made by tests/support/docs.py -->\n", f"\n<!-- end of {name} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise SystemExit(f"README.md has no place for {name}")
        text = before + start + make() + end + after
    return text


def _parameters(method: Method[Any, ..., Any]) -> str:
    return ", ".join(_parameter(parameter) for parameter in method.parameters) or "none"


def _parameter(parameter: Parameter) -> str:
    if not is_optional(parameter):
        return f"`{parameter.name}`"
    default = parameter.default
    if not isinstance(default, str | int):
        return f"`{parameter.name}?`"
    return f"`{parameter.name}={str(default).lower() if isinstance(default, bool) else default}`"


def _first_line(error: type) -> str:
    return (error.__doc__ or "").splitlines()[0].replace("|", "\\|")


def main() -> None:
    """Write the generated parts, or fail if they are not up to date; `--tried FILE` writes what that run counted."""
    text = README.read_text()
    if "--tried" in sys.argv:
        README.write_text(with_tried(text, totals(Path(sys.argv[sys.argv.index("--tried") + 1]))))
    elif "--write" in sys.argv:
        README.write_text(updated(text))
    elif updated(text) != text:
        raise SystemExit("README.md is out of date; run: python -m tests.support.docs --write")


if __name__ == "__main__":
    main()
