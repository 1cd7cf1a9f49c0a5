import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli

HEAVY = {"asyncio", "anyio", "rich", "aiosqlite", "sqlite3", "jsonrpcserver", "uvloop", "segue.server", "segue.store"}
HEAVY |= {"segue.browse", "textual"}


SLOW = HEAVY | {
    *("ast", "bz2", "dataclasses", "difflib", "dis", "http", "importlib.metadata", "inspect", "ipaddress", "json"),
    *("jsonschema", "logging", "lzma", "platformdirs", "pydoc", "shutil", "subprocess", "tempfile", "tokenize"),
    *("tomllib", "typing_extensions"),
}
"""Modules that no everyday command needs. A deferred one counts when it is imported."""

EVERYDAY = f"""
from segue.cli import entry
for words in "add hello", "list", "current", "show", "search hello", "status", "pin", "init zsh":
    sys.argv = ["segue", *words.split()]
    try:
        entry.main()
    except SystemExit as end:
        assert end.code == 0, words
    found = {{name for name, module in sys.modules.items() if type(module) is type(sys)}}
    assert not found & {SLOW!r}, (words, found & {SLOW!r})
"""


def loaded(cli: Cli, code: str) -> set[str]:
    """Return every module that a fresh interpreter has imported after the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"],
        cwd=cli.directory,
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def loaded_by(cli: Cli, verb: str) -> set[str]:
    return loaded(cli, f"from segue.cli.main import run\nassert run([{verb!r}]) == 0")


def test_everyday_commands_in_a_pipe_import_nothing_that_takes_long(segue: Cli) -> None:
    """The modules are checked after each command, in one process as the program itself starts it."""
    assert "segue.client.sync_client" in loaded(segue, EVERYDAY)


def test_the_server_for_agents_imports_no_event_loop_no_daemon_and_no_tables(segue: Cli) -> None:
    assert not loaded_by(segue, "mcp") & HEAVY


PLAIN = [["ping"], ["rpc", "daemon.ping"], ["rpc", "session.list", "limit=1", "name_contains=words of a name"]]


@pytest.mark.parametrize("arguments", PLAIN)
def test_a_plain_call_imports_next_to_nothing(segue: Cli, arguments: list[str]) -> None:
    found = loaded(segue, f"from segue.cli.fast_path import fast_call\nassert fast_call({arguments!r}) == 0")
    assert not found & (HEAVY | {"click", "msgspec", "tomllib", "platformdirs", "inspect", "tempfile", "subprocess"})


def test_places_that_are_not_named_cost_only_the_finding_of_them(segue: Cli) -> None:
    at_home = segue.given(SEGUE_CONFIG="", SEGUE_DATABASE="")
    found = loaded(at_home, "from segue.cli.fast_path import fast_call\nassert fast_call(['ping']) == 0")
    assert "platformdirs" in found
    assert not found & (HEAVY | {"click", "msgspec", "tomllib", "inspect"})


def test_a_verb_does_not_import_the_others(segue: Cli) -> None:
    found = loaded_by(segue, "ping")
    assert {name for name in found if name.startswith("segue.cli.")} == {
        "segue.cli.output",
        "segue.cli.output.check_advice",
        "segue.cli.daemon_client",
        "segue.cli.groups",
        "segue.cli.commands",
        "segue.cli.commands.operate",
        "segue.cli.commands.operate.status",
        "segue.cli.main",
        "segue.cli.output.terminal",
    }


def test_the_blocking_client_imports_neither_a_loop_nor_the_command_line(segue: Cli) -> None:
    found = loaded(segue, "from segue.client import Client")
    assert not found & (HEAVY | {"click", "segue.cli"})
    assert "anyio" in loaded(segue, "from segue.client import AsyncClient")


INTERRUPT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


STARTED = [
    "segue.cli.deferred",
    "segue.cli.output.terminal",
    "msgspec",
    "segue.cli.main",
    "click",
    "segue.cli.commands.browse.list",
]


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("module", STARTED)
def test_an_interrupt_among_the_imports_is_no_traceback(
    segue: Cli, tmp_path: Path, module: str, *, ignored: bool
) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT)
    done = subprocess.run(
        [SEGUE, "list"],
        cwd=segue.directory,
        env={**segue.environment, "PYTHONPATH": str(tmp_path), "INTERRUPT_AT": module},
        capture_output=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL),
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert done.returncode in ((0,) if ignored else (-signal.SIGINT, 130))
