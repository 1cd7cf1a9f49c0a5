"""A configuration file of an agent, and the entry that the tests add to it."""

from pathlib import Path
from types import ModuleType

from segue.cli.integration.agents import jsonc
from segue.cli.integration.agents.config_file import ConfigFile

ENTRY = {"command": "/home/ada/.local/bin/segue", "args": ["mcp"]}


def file(tmp_path: Path, text: str | bytes | None, format: ModuleType = jsonc, top: str = "mcpServers") -> ConfigFile:
    path = tmp_path / "home" / "settings"
    path.parent.mkdir(exist_ok=True)
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ConfigFile(path, format, (top, "segue"))


def content(config: ConfigFile) -> str:
    return config.path.read_bytes().decode()
