import subprocess
import sys

import pytest

from tests.process.cli import Cli

HEAVY = {"asyncio", "anyio", "rich", "aiosqlite", "sqlite3", "jsonrpcserver", "uvloop", "segue.server", "segue.store"}


def loaded(cli: Cli, code: str) -> set[str]:
    """Every module that is there when a fresh interpreter has run the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"],
        cwd=cli.directory,
        env=cli.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def loaded_by(cli: Cli, verb: str) -> set[str]:
    return loaded(cli, f"from segue.cli.main import run\nassert run([{verb!r}]) == 0")


@pytest.mark.parametrize("verb", ["ping", "list", "status"])
def test_a_verb_in_a_pipe_imports_no_event_loop_no_server_and_no_tables(segue: Cli, verb: str) -> None:
    found = loaded_by(segue, verb)
    assert "segue.client.blocking" in found
    assert not found & HEAVY


def test_a_verb_does_not_import_the_others(segue: Cli) -> None:
    found = loaded_by(segue, "ping")
    assert {name for name in found if name.startswith("segue.cli.")} == {
        "segue.cli.daemon",
        "segue.cli.health",
        "segue.cli.main",
        "segue.cli.output",
    }


def test_the_blocking_client_imports_neither_a_loop_nor_the_command_line(segue: Cli) -> None:
    found = loaded(segue, "import segue.client")
    assert not found & (HEAVY | {"click", "segue.cli"})
    assert "anyio" in loaded(segue, "from segue.client import AsyncClient")
