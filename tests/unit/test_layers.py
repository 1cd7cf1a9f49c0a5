"""The rules of the house that a program can see: where imports point, and how long things are."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
FILES = {".".join(path.relative_to(SRC).with_suffix("").parts): path for path in sorted(SRC.glob("segue/**/*.py"))}

LAYERS = [
    ["__init__", "models", "results", "errors", "events", "config", "timestamps", "redaction", "paths", "files"],
    ["jsonrpc", "runtime"],
    ["store"],
    ["api"],
    ["server", "client"],
    ["shell", "cli"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

WITHOUT_A_DAEMON = ("segue.cli.commands.restore", "segue.store.maintenance.restore")
"""The one command that works on the file itself, because no daemon may serve it meanwhile."""

ONLY_IN = {
    "aiosqlite": {"segue.store.engine.connection"},
    "jsonrpcserver": {"segue.jsonrpc._jsonrpcserver"},
    "click": {"segue.cli", "segue.server.main"},
    "anyio": {"segue.store.store", "segue.jsonrpc.dispatcher", "segue.server", "segue.client"},
}

FILE_LINES = 300
BODY_LINES = 50
"""Lines of a function below its signature, which in an RPC method is the wire contract and may be long."""


def imports(module: str) -> Iterator[str]:
    """Every module that is imported when `module` runs, by its full name."""
    tree = ast.parse(FILES[module].read_text())
    for_types = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    unseen = {inner for node in for_types for branch in node.body for inner in ast.walk(branch)}
    for node in ast.walk(tree):
        if node not in unseen and isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif node not in unseen and isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            source = node.module or ""
            names = [f"{source}.{alias.name}" for alias in node.names]
            yield from (name if name in FILES or f"{name}.__init__" in FILES else source for name in names)


def layer(module: str) -> str:
    """`rpc` of `segue.jsonrpc.method`, and `__init__` of `segue` itself."""
    return (*module.split("."), "__init__")[1]


def is_within(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


OWN = [(module, name) for module in FILES for name in imports(module) if is_within(name, {"segue"})]
FOREIGN = [(module, name.partition(".")[0]) for module in FILES for name in imports(module)]


def test_every_file_has_a_layer() -> None:
    assert {layer(module) for module in FILES} == set(LEVEL)


def test_imports_point_down() -> None:
    wrong = [f"{module} imports {name}" for module, name in OWN if LEVEL[layer(name)] > LEVEL[layer(module)]]
    assert not wrong


def test_server_and_client_do_not_know_each_other_nor_the_command_line_the_server() -> None:
    apart = [("server", "client"), ("client", "server"), ("client", "store"), ("cli", "server"), ("cli", "store")]
    assert [pair for pair in OWN if (layer(pair[0]), layer(pair[1])) in apart] == [WITHOUT_A_DAEMON]


def test_the_protocol_knows_no_noun() -> None:
    known = ("jsonrpc", "errors", "config")
    assert not [pair for pair in OWN if layer(pair[0]) == "jsonrpc" and layer(pair[1]) not in known]


def test_the_nouns_of_the_api_do_not_know_each_other() -> None:
    shared = {"segue.api.request", "segue.api.validation"}
    nouns = [pair for pair in OWN if layer(pair[0]) == "api" and pair[0] != "segue.api.__init__"]
    assert not [pair for pair in nouns if layer(pair[1]) == "api" and pair[1] not in shared]


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_in_its_places_only(library: str) -> None:
    users = {module for module, name in FOREIGN if name == library}
    assert users
    assert not [module for module in users if not is_within(module, ONLY_IN[library])]


def test_a_client_does_not_load_what_serves() -> None:
    code = "import segue.client, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "segue.client" in loaded
    assert not set(loaded) & {"segue.server", "segue.store", "aiosqlite", "anyio", "jsonrpcserver", "sqlite3"}


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {module: len(path.read_text().splitlines()) for module, path in FILES.items()}
    assert not {module: length for module, length in lengths.items() if length > FILE_LINES}


def test_a_function_fits_a_screen() -> None:
    long = [
        f"{module}.{node.name}"
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.body[0].lineno >= BODY_LINES
    ]
    assert not long
