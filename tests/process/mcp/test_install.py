"""`segue mcp install` with the real program, agents' own commands and agents' files."""

import json
import subprocess
from pathlib import Path

from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS

CLAUDE = """#!/bin/sh
printf '%s\\n' "$*" >>"$HOME/claude.log"
case "$*" in *fail*) echo "no such scope" >&2; exit 1;; esac
"""


def test_an_agent_is_configured_by_its_own_command_if_it_is_installed(unserved: Cli, segued: Segued) -> None:
    programs = segued.folder / "programs"
    programs.mkdir()
    (programs / "claude").write_text(CLAUDE)
    (programs / "claude").chmod(0o755)
    cli = unserved.given(PATH=f"{programs}:{unserved.environment['PATH']}", SEGUE_SOCKET="")
    served = f"{SEGUE} --database {segued.database} --config {segued.config} mcp"
    wanted = f"mcp add --scope user segue -- {served}"
    assert cli.ok("mcp", "install", "claude", "--print").out == f"claude {wanted}\n"
    assert not (segued.folder / "claude.log").exists()
    cli.ok("mcp", "install", "claude")
    settings = segued.folder / ".claude.json"
    settings.write_text('{"mcpServers": {"segue": {"command": "old"}}}')
    cli.ok("mcp", "install", "claude")
    cli.ok("mcp", "uninstall", "claude")
    remove = "mcp remove --scope user segue"
    assert (segued.folder / "claude.log").read_text().splitlines() == [wanted, remove, wanted, remove]
    settings.write_text(
        json.dumps({"mcpServers": {"segue": {"type": "stdio", "command": SEGUE, "args": served.split()[1:]}}})
    )
    assert "already in" in cli.ok("mcp", "install", "claude").out
    settings.unlink()
    failed = cli.run("--database", "/fail", "mcp", "install", "claude")
    assert failed.code == 1
    assert failed.err.endswith("failed: no such scope\n")


def test_an_agent_without_a_command_is_configured_in_its_file(unserved: Cli, segued: Segued) -> None:
    cli = unserved.given(SEGUE_DATABASE="", SEGUE_SOCKET="", SEGUE_CONFIG="")
    path = segued.folder / ".config/zed/settings.json"
    real = segued.folder / "dotfiles"
    path.parent.mkdir(parents=True)
    path.symlink_to(real)
    before = '// mine\n{\n  "theme": "One Dark",\n}\n'
    real.write_text(before)
    shown = cli.ok("mcp", "install", "zed", "--print").out
    assert shown.startswith(f"// {path}\n{{")
    assert real.read_text() == before
    assert cli.ok("mcp", "install", "zed").out == f"added segue to {path}\nrestart Zed to use it\n"
    assert json.loads(shown.partition("\n")[2])["context_servers"]["segue"]["args"] == ["mcp"]
    assert cli.ok("mcp", "install", "zed").out == f"segue is already in {path}\n"
    assert cli.ok("mcp", "uninstall", "zed", "--print").out == f"remove context_servers.segue from {path}\n"
    assert cli.ok("mcp", "uninstall", "zed").out == f"removed segue from {path}\n"
    assert cli.ok("mcp", "uninstall", "zed").out == f"segue is not in {path}\n"
    assert path.is_symlink()
    assert real.read_text() == before.replace("\n}", '\n  "context_servers": {},\n}')
    real.write_text("{ broken")
    failed = cli.run("mcp", "install", "zed")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.startswith(f"segue: cannot change {path}: it cannot be parsed: ")
    assert real.read_text() == "{ broken"
    assert cli.run("mcp", "install", "emacs").code == 2


def test_the_entry_starts_the_server(segue: Cli, segued: Segued) -> None:
    """The entry of a fresh file is run with the environment of a desktop, in which no SEGUE variable is set."""
    segue.ok("mcp", "install", "cursor")
    entry = json.loads((segued.folder / ".cursor/mcp.json").read_text())["mcpServers"]["segue"]
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list_sessions"}}
    done = subprocess.run(
        [entry["command"], *entry["args"]],
        input=json.dumps(call).encode(),
        env={"HOME": str(segued.folder)},
        cwd=Path("/"),
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert json.loads(done.stdout)["result"]["structuredContent"]["sessions"] == []
