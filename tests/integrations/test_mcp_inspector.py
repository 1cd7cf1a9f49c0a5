"""The command line of the official MCP inspector lists and calls everything that `segue mcp` offers."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.suites import SOURCES
from tests.support.process import PROGRAMS, Segued
from tests.support.wire import TIMEOUT_SECONDS

PACKAGE = "@modelcontextprotocol/inspector-cli"
VERSION = "0.15.0"  # The newest one for Node.js 20.


@pytest.fixture(scope="module")
def inspector() -> Path:
    """Return the program. The package is downloaded once."""
    folder = SOURCES / f"inspector-{VERSION}"
    program = folder / "node_modules" / ".bin" / "mcp-inspector-cli"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder)]
        subprocess.run([*install, f"{PACKAGE}@{VERSION}"], cwd=folder, check=True, timeout=300)
    return program


def test_the_inspector_lists_and_calls_everything(inspector: Path, served: Segued) -> None:
    wire = served.connect()
    session = wire.call("session.create", id="talk", working_dir=str(served.folder))["id"]
    wire.call("message.append", session_id=session, role="user", content="nginx answers 502")

    def ask(method: str, *arguments: str) -> Any:
        done = subprocess.run(
            [str(inspector), "--cli", str(PROGRAMS / "segue"), "mcp", "--method", method, *arguments],
            cwd=served.folder,
            env=served.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def call(tool: str, *arguments: str) -> Any:
        given = [word for argument in arguments for word in ("--tool-arg", argument)]
        return ask("tools/call", "--tool-name", tool, *given)["structuredContent"]

    tools = ask("tools/list")["tools"]
    names = ["search_history", "list_sessions", "read_session", "recall", "remember", "forget"]
    assert [tool["name"] for tool in tools] == names
    assert call("search_history", "query=nginx", "limit=5")["hits"][0]["snippet"] == "**nginx** answers 502"
    assert call("list_sessions")["sessions"][0]["session_id"] == "talk"
    assert call("read_session", "session_id=talk")["messages"][0]["text"] == "nginx answers 502"
    assert call("remember", "fact=Prefers tabs")["memory"]["memory_id"] == 1
    assert call("recall", "query=tabs")["memories"][0]["fact"] == "Prefers tabs"
    assert call("forget", "memory_id=1")["fact"] == "Prefers tabs"
    assert [one["uri"] for one in ask("resources/list")["resources"]] == ["segue://memories", "segue://session/talk"]
    assert "502" in ask("resources/read", "--uri", "segue://session/talk")["contents"][0]["text"]
    assert len(ask("resources/templates/list")["resourceTemplates"]) == 1
    assert [prompt["name"] for prompt in ask("prompts/list")["prompts"]] == ["continue_conversation"]
    directory = ["--prompt-args", f"directory={served.folder}"]
    prompt = ask("prompts/get", "--prompt-name", "continue_conversation", *directory)
    assert "nginx answers 502" in prompt["messages"][0]["content"]["text"]
