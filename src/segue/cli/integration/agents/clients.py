"""The agents and editors that support MCP: the user configuration of each, its entry, and its own command."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from segue.cli.integration.agents import jsonc, toml_table
from segue.cli.integration.agents.config_file import ConfigFile

NAME = "segue"
"""The name of the server in each configuration."""

Command = list[str]


class Client(NamedTuple):
    """A program that starts MCP servers."""

    title: str
    file: Callable[[], ConfigFile]
    entry: Callable[[Command], dict[str, Any]]
    add: Callable[[Command], Command] | None = None
    """Its own command that adds a server."""
    remove: Command | None = None

    def adding(self, served: Command) -> Command | None:
        """Return its own command that adds the server, if there is one and it is installed."""
        return _installed(self.add(served)) if self.add else None

    def removing(self) -> Command | None:
        """Return its own command that removes the server, if there is one and it is installed."""
        return _installed(self.remove) if self.remove else None


def _installed(words: Command) -> Command | None:
    return words if shutil.which(words[0]) else None


def _home() -> Path:
    return Path(os.path.expanduser("~"))


def _config(mac: str, other: str) -> Path:
    """Return a path below the platform's folder for settings."""
    if sys.platform == "darwin":
        return _home() / "Library/Application Support" / mac
    return _xdg() / other


def _xdg() -> Path:
    given = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(given) if given.startswith("/") else _home() / ".config"


def _claude() -> ConfigFile:
    return ConfigFile(
        Path(os.environ.get("CLAUDE_CONFIG_DIR") or _home()) / ".claude.json", jsonc, ("mcpServers", NAME)
    )


def _claude_desktop() -> ConfigFile:
    name = "Claude/claude_desktop_config.json"
    return ConfigFile(_config(name, name), jsonc, ("mcpServers", NAME))


def _codex() -> ConfigFile:
    folder = Path(os.environ.get("CODEX_HOME") or _home() / ".codex")
    return ConfigFile(folder / "config.toml", toml_table, ("mcp_servers", NAME))


def _gemini() -> ConfigFile:
    return ConfigFile(_home() / ".gemini/settings.json", jsonc, ("mcpServers", NAME))


def _cursor() -> ConfigFile:
    return ConfigFile(_home() / ".cursor/mcp.json", jsonc, ("mcpServers", NAME))


def _vscode() -> ConfigFile:
    return ConfigFile(_config("Code/User/mcp.json", "Code/User/mcp.json"), jsonc, ("servers", NAME))


def _zed() -> ConfigFile:
    return ConfigFile(_xdg() / "zed/settings.json", jsonc, ("context_servers", NAME))


def _opencode() -> ConfigFile:
    """Return the file. opencode 2 reads the entries of version 1 too, beside `mcp.servers`."""
    folder = _xdg() / "opencode"
    commented = folder / "opencode.jsonc"
    return ConfigFile(commented if commented.exists() else folder / "opencode.json", jsonc, ("mcp", NAME))


def _plain(command: Command) -> dict[str, Any]:
    return {"command": command[0], "args": command[1:]}


def _typed(command: Command) -> dict[str, Any]:
    return {"type": "stdio", **_plain(command)}


def _local(command: Command) -> dict[str, Any]:
    return {"type": "local", "command": command}


def _add_to_claude(command: Command) -> Command:
    return ["claude", "mcp", "add", "--scope", "user", NAME, "--", *command]


def _add_to_codex(command: Command) -> Command:
    return ["codex", "mcp", "add", NAME, "--", *command]


def _add_to_gemini(command: Command) -> Command:
    options = ["--"] if command[1].startswith("-") else []
    return ["gemini", "mcp", "add", "--scope", "user", NAME, command[0], *options, *command[1:]]


def _add_to_vscode(command: Command) -> Command:
    return ["code", "--add-mcp", json.dumps({"name": NAME, **_typed(command)}, ensure_ascii=False)]


CLIENTS = {
    "claude": Client(
        "Claude Code", _claude, _typed, _add_to_claude, ["claude", "mcp", "remove", "--scope", "user", NAME]
    ),
    "claude-desktop": Client("Claude Desktop", _claude_desktop, _plain),
    "codex": Client("Codex", _codex, _plain, _add_to_codex, ["codex", "mcp", "remove", NAME]),
    "gemini": Client(
        "Gemini CLI", _gemini, _plain, _add_to_gemini, ["gemini", "mcp", "remove", "--scope", "user", NAME]
    ),
    "cursor": Client("Cursor", _cursor, _plain),
    "vscode": Client("VS Code", _vscode, _typed, _add_to_vscode),
    "zed": Client("Zed", _zed, _plain),
    "opencode": Client("opencode", _opencode, _local),
}
