"""The layout of the code: which package imports which, and how long files, functions and folders may be."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from segue import store

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
FILES = {".".join(path.relative_to(SRC).with_suffix("").parts): path for path in sorted(SRC.glob("segue/**/*.py"))}

LAYERS = [
    [
        "segue.__init__",
        "segue.models",
        "segue.results",
        "segue.errors",
        "segue.timestamps",
        "segue.redaction.shapes",
        "segue.redaction",
        "segue.manual",
        "segue.status_results",
    ],
    ["segue.escapes", "segue.events", "segue.config", "segue.files", "segue.paths"],
    ["segue.conversation", "segue.shell.prompt_text", "segue.transfer"],
    ["segue.jsonrpc", "segue.runtime"],
    ["segue.store.engine"],
    ["segue.store.journaling"],
    ["segue.store.writes"],
    ["segue.store.store", "segue.store.search"],
    ["segue.store.records"],
    ["segue.store.stats"],
    ["segue.store.transfer"],
    ["segue.store.sync"],
    ["segue.store.maintenance"],
    ["segue.store.__init__"],
    ["segue.sync"],
    ["segue.api"],
    ["segue.server.process", "segue.server.events", "segue.client"],
    ["segue.server.net", "segue.server.jobs"],
    ["segue.server.app"],
    ["segue.server.daemon"],
    ["segue.server.main"],
    ["segue.server.__init__", "segue.server.__main__"],
    ["segue.history", "segue.workflows"],
    ["segue.mcp", "segue.integrations"],
    ["segue.shell", "segue.cli.__init__"],
    ["segue.cli.deferred", "segue.cli.output"],
    ["segue.cli.liveness"],
    [
        "segue.cli.editor",
        "segue.cli.daemon_client",
        "segue.cli.groups",
        "segue.cli.input",
        "segue.cli.picker",
        "segue.cli.integration",
        "segue.cli.remote",
    ],
    ["segue.cli.session_lookup"],
    ["segue.cli.ask", "segue.cli.doctor", "segue.cli.fast_path", "segue.cli.fast_prompt", "segue.browse"],
    ["segue.cli.commands"],
    ["segue.cli.main"],
    ["segue.cli.entry"],
    ["segue.__main__"],
]
"""Packages and modules, the lowest first. A module imports from its own entry and from the entries below it."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

NEVER = {
    "segue.jsonrpc": {"segue.models", "segue.results", "segue.store", "segue.api"},
    "segue.client": {"segue.server", "segue.store"},
    "segue.mcp": {"segue.server", "segue.store", "segue.cli"},
    "segue.integrations": {"segue.server", "segue.store", "segue.cli"},
    "segue.server": {"segue.client", "segue.cli"},
    "segue.cli": {"segue.server", "segue.store"},
}
"""Packages that a package does not import, although they are below it."""

WITHOUT_A_DAEMON = ("segue.cli.commands.keep.restore", "segue.store.maintenance.restore")
"""The one import of the store in the command line: `segue restore` needs the file while no daemon has it."""

ONLY_IN = {
    "aiosqlite": {"segue.store.engine.connection"},
    "jsonrpcserver": {"segue.jsonrpc._jsonrpcserver"},
    "click": {"segue.cli", "segue.server.main", "segue.integrations.llm"},
    "textual": {"segue.browse"},
    "psycopg": {"segue.sync.transports.postgres"},
    "obstore": {"segue.sync.transports.s3"},
    "anyio": {
        "segue.store.store",
        "segue.store.writes",
        "segue.store.engine.connection",
        "segue.jsonrpc.dispatcher",
        "segue.server",
        "segue.client",
        "segue.integrations.daemon",
        "segue.sync",
    },
    "nacl": {"segue.sync.sealing"},
}

FILE_LINES = 300
FOLDER_FILES = 18
BODY_LINES = 50
"""Lines of a function below its signature. The signature of an RPC method is the wire contract and may be long."""


def imports(module: str) -> Iterator[str]:
    """Yield the full name of each module that is imported when `module` runs."""
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


def entry(module: str) -> str:
    """Return the entry of LAYERS that holds the module: the longest one that is a prefix of its name."""
    name = f"{module}.__init__" if f"{module}.__init__" in FILES else module
    return max((known for known in LEVEL if is_within(name, {known})), key=len, default="")


def is_within(module: str, paths: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in paths)


@cache
def all_imports() -> list[tuple[str, str]]:
    """Return each module with each name that it imports."""
    return [(module, name) for module in FILES for name in imports(module)]


def own_imports() -> list[tuple[str, str]]:
    """Return each module with each name of segue that it imports."""
    return [(module, name) for module, name in all_imports() if is_within(name, {"segue"})]


def test_every_file_has_a_layer() -> None:
    assert {entry(module) for module in FILES} == set(LEVEL)


def test_no_module_imports_from_a_higher_layer() -> None:
    def rank(module: str) -> int:
        return LEVEL[entry(module)]

    sideways = [pair for pair in own_imports() if rank(pair[0]) == rank(pair[1]) and entry(pair[0]) != entry(pair[1])]
    assert not [f"{module} imports {name}" for module, name in own_imports() if rank(name) > rank(module)]
    assert not [pair for pair in sideways if rank(pair[0]) > 1]


@pytest.mark.parametrize("package", NEVER)
def test_a_package_does_not_import_a_forbidden_one(package: str) -> None:
    found = [pair for pair in own_imports() if is_within(pair[0], {package}) and is_within(pair[1], NEVER[package])]
    assert [pair for pair in found if pair != WITHOUT_A_DAEMON] == []


def test_the_nouns_of_the_api_do_not_import_each_other() -> None:
    shared = {
        "segue.api.message_changes",
        "segue.api.request",
        "segue.api.session_changes",
        "segue.api.session_stats",
        "segue.api.parameters.drafts",
        "segue.api.parameters.validation",
    }
    nouns = [pair for pair in own_imports() if entry(pair[0]) == "segue.api" and pair[0] != "segue.api.__init__"]
    assert not [pair for pair in nouns if entry(pair[1]) == "segue.api" and pair[1] not in shared]


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_is_wrapped(library: str) -> None:
    users = {module for module, name in all_imports() if name.partition(".")[0] == library}
    assert users
    assert not [module for module in users if not is_within(module, ONLY_IN[library])]


@pytest.mark.parametrize("module", ["segue.api", "segue.client", "segue.errors"])
def test_public_modules_load_neither_store_nor_server(module: str) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert module in loaded
    assert not [name for name in loaded if is_within(name, {"segue.server"}) or name.startswith("segue.store.")]
    assert not set(loaded) & {"aiosqlite", "anyio", "jsonrpcserver", "sqlite3"}


def test_store_surface_table_matches_its_types() -> None:
    tree = ast.parse(FILES["segue.store.__init__"].read_text())
    [types] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    sources = [node for node in types.body if isinstance(node, ast.ImportFrom)]
    names = {alias.asname or alias.name: f"{node.module}.{alias.name}" for node in sources for alias in node.names}
    assert names == store._MODULES
    assert set(store.__all__) == {*names, "load_all"}
    assert {name: getattr(store, name).__name__ for name in names} == names


def test_no_file_is_longer_than_300_lines() -> None:
    files = [path for part in ("src", "tests") for path in (ROOT / part).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert not {path: length for path, length in lengths.items() if length > FILE_LINES}


def test_no_folder_has_more_than_18_files() -> None:
    folders = {path.parent for part in ("src", "tests") for path in (ROOT / part).rglob("*.py")}
    # The topics of the manual do not count, because each has its name on the command line.
    files = {folder: [p for p in folder.iterdir() if p.is_file() and p.suffix != ".md"] for folder in folders}
    counts = {str(folder): len(found) for folder, found in files.items()}
    assert not {folder: count for folder, count in counts.items() if count > FOLDER_FILES}


def test_no_function_body_is_longer_than_50_lines() -> None:
    long = [
        f"{module}.{node.name}"
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.body[0].lineno >= BODY_LINES
    ]
    assert not long


def test_design_page_lists_every_package() -> None:
    page = (SRC / "segue" / "manual" / "design.md").read_text()
    folders = [path for path in (SRC / "segue").iterdir() if path.is_dir() and path.name != "__pycache__"]
    packages = [path.name for path in folders if any(inner.is_file() for inner in path.iterdir())]
    assert not [name for name in packages if f"\n{name}/ " not in page]
