"""Entries in configuration files of agents: JSON with comments, files that are refused, and where the files are."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.cli.commands.operate.mcp import AGENTS
from segue.cli.integration.agents import jsonc, toml_table
from segue.cli.integration.agents.clients import CLIENTS
from segue.cli.integration.agents.config_file import ConfigFile
from segue.cli.output.terminal import Failure
from tests.unit.cli.integration.config_files import ENTRY, content, file

ZED = """\
// Zed settings. For documentation see https://zed.dev/docs/configuring-zed
{
  "theme": "One Dark", // dark
  /* fonts */
  "buffer_font_size": 14,
  "context_servers": {
    "github": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-github"], // "quoted" and , }
    },
    // more servers
  },
  "languages": { "Python": { "tab_size": 4, }, },
}
"""

ZED_WITH_SEGUE = ZED.replace(
    "    // more servers\n",
    """\
    // more servers
    "segue": {
      "command": "/home/ada/.local/bin/segue",
      "args": [
        "mcp"
      ]
    },
""",
)

CLAUDE = """\
{
  "numStartups": 12,
  "projects": {
    "/home/ada/proj": {
      "mcpServers": {},
      "history": ["é", "\\u2028"]
    }
  },
  "mcpServers": {
    "files": {"type": "stdio", "command": "files", "args": []}
  },
  "userID": "0a1b"
}
"""


def test_the_names_of_the_agents_are_those_of_the_command() -> None:
    assert tuple(CLIENTS) == AGENTS


def test_an_entry_is_added_to_json_with_comments(tmp_path: Path) -> None:
    config = file(tmp_path, ZED, top="context_servers")
    assert config.write(ENTRY)
    assert content(config) == ZED_WITH_SEGUE


def test_a_removed_entry_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    config = file(tmp_path, ZED_WITH_SEGUE, top="context_servers")
    assert config.remove()
    assert content(config) == ZED
    assert not config.remove()


def test_only_the_top_level_servers_of_claude_change(tmp_path: Path) -> None:
    config = file(tmp_path, CLAUDE)
    config.write(ENTRY)
    changed = json.loads(content(config))
    assert changed["mcpServers"]["segue"] == ENTRY
    assert changed["projects"] == json.loads(CLAUDE)["projects"]
    config.remove()
    assert content(config) == CLAUDE


def test_a_second_addition_changes_nothing(tmp_path: Path) -> None:
    config = file(tmp_path, CLAUDE)
    assert config.write(ENTRY)
    before = config.path.stat()
    assert not config.write(ENTRY)
    assert config.path.stat() == before


def test_an_older_entry_gets_the_new_command_and_keeps_its_other_members(tmp_path: Path) -> None:
    config = file(tmp_path, '{"mcpServers": {"segue": {"command": "old", "disabled": true}}}')
    assert config.write(ENTRY)
    assert config.read() == {**ENTRY, "disabled": True}


@pytest.mark.parametrize("text", [None, "", "\n", "// nothing yet\n"])
def test_a_missing_or_empty_file_gets_the_entry(tmp_path: Path, text: str | None) -> None:
    config = file(tmp_path, text)
    assert config.write(ENTRY)
    assert content(config).endswith(
        '{\n  "mcpServers": {\n    "segue": ' + json.dumps(ENTRY, indent=2).replace("\n", "\n    ") + "\n  }\n}\n"
    )
    assert content(config).startswith(text.strip() if text else "{")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", '{\n  "a": {\n    "b": 1\n  }\n}'),
        ('{"x": 1}', '{"x": 1, "a": {"b": 1}}'),
        ('{"a": {}}', '{"a": {\n  "b": 1\n}}'),
        ('{\n\t"a": {\n\t}\n}\n', '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n'),
        ('{\r\n    "x": 1\r\n}', '{\r\n    "x": 1,\r\n    "a": {\r\n        "b": 1\r\n    }\r\n}'),
        ('\ufeff{\n  "x": "// no, comment"\n}', '\ufeff{\n  "x": "// no, comment",\n  "a": {\n    "b": 1\n  }\n}'),
        ("{ // first\n}", '{ // first\n  "a": {\n    "b": 1\n  }\n}'),
        ('{\n  "x": 1 // last\n}', '{\n  "x": 1, // last\n  "a": {\n    "b": 1\n  }\n}'),
    ],
)
def test_an_addition_follows_the_style_of_the_file(before: str, after: str) -> None:
    assert jsonc.set_member(before, ("a", "b"), 1) == after


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(['"', "//", "/*", "\\", ",}", "]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)

SPACE = st.sampled_from(["", " ", "\n", "\n  ", ' // x, "y": {\n', "/* , } */", "\r\n"])


@st.composite
def commented(draw: Callable[[st.SearchStrategy[Any]], Any], value: Any) -> str:
    """Write a value as JSON with random white space, comments and trailing commas."""

    def space() -> str:
        return str(draw(SPACE))

    if isinstance(value, dict):
        inner = [
            f"{space()}{json.dumps(key)}{space()}:{space()}{draw(commented(item))}{space()}"
            for key, item in value.items()
        ]
        comma = "," + space() if inner and draw(st.booleans()) else ""
        return "{" + ",".join(inner) + comma + space() + "}"
    if isinstance(value, list):
        return "[" + ",".join(space() + draw(commented(item)) + space() for item in value) + "]"
    return json.dumps(value)


@given(st.data(), st.dictionaries(st.sampled_from(["servers", "x", "//"]), JSON, max_size=3))
def test_any_file_keeps_its_values(data: st.DataObject, value: dict[str, Any]) -> None:
    text = data.draw(commented(value))
    assert jsonc.parse(text) == value
    servers = value.get("servers", {})
    if not isinstance(servers, dict):
        with pytest.raises(ValueError, match="where an object should be"):
            jsonc.set_member(text, ("servers", "segue"), ENTRY)
        return
    added = jsonc.set_member(text, ("servers", "segue"), ENTRY)
    assert jsonc.parse(added) == {**value, "servers": {**servers, "segue": ENTRY}}
    removed = jsonc.remove_member(added, ("servers", "segue"))
    assert jsonc.parse(removed) == {**value, "servers": {name: one for name, one in servers.items() if name != "segue"}}


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (jsonc, '{"mcpServers": {'),
        (jsonc, "[1, 2]"),
        (jsonc, '{"mcpServers": []}'),
        (jsonc, '{"mcpServers": {"segue": 1}}'),
        (jsonc, "{'mcpServers': {}}"),
        (jsonc, "[" * 100_000),
        (jsonc, b"{\xff}"),
        (toml_table, "model = \n"),
        (toml_table, "a = 1\na = 2\n"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_refused_and_kept(
    tmp_path: Path, format: ModuleType, text: str | bytes
) -> None:
    config = file(tmp_path, text, format)
    with pytest.raises(Failure, match=f"cannot change {config.path}: .*; it was not changed"):
        config.write(ENTRY)
    assert config.path.read_bytes() == (text if isinstance(text, bytes) else text.encode())


def test_a_symbolic_link_stays_one_and_the_mode_stays(tmp_path: Path) -> None:
    config = file(tmp_path, None)
    real = tmp_path / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_text(CLAUDE)
    real.chmod(0o644)
    config.path.symlink_to("../dotfiles/claude.json")
    old = os.umask(0o077)
    try:
        config.write(ENTRY)
    finally:
        os.umask(old)
    assert config.path.is_symlink()
    assert json.loads(real.read_text())["mcpServers"]["segue"] == ENTRY
    assert stat.S_IMODE(real.stat().st_mode) == 0o644
    assert list(real.parent.iterdir()) == [real]


def test_a_new_file_is_private(tmp_path: Path) -> None:
    config = ConfigFile(tmp_path / "new" / "deeper" / "mcp.json", jsonc, ("servers", "segue"))
    config.write(ENTRY)
    assert stat.S_IMODE(config.path.stat().st_mode) == 0o600


def test_the_entries_have_the_form_that_each_agent_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / ".config/opencode").mkdir(parents=True)
    (tmp_path / ".config/opencode/opencode.jsonc").touch()
    found = {
        name: (str(client.file().path.relative_to(tmp_path)), client.file().entry[0])
        for name, client in CLIENTS.items()
    }
    assert found == {
        "claude": (".claude.json", "mcpServers"),
        "claude-desktop": (".config/Claude/claude_desktop_config.json", "mcpServers"),
        "codex": (".codex/config.toml", "mcp_servers"),
        "gemini": (".gemini/settings.json", "mcpServers"),
        "cursor": (".cursor/mcp.json", "mcpServers"),
        "vscode": (".config/Code/User/mcp.json", "servers"),
        "zed": (".config/zed/settings.json", "context_servers"),
        "opencode": (".config/opencode/opencode.jsonc", "mcp"),
    }
    served = ["/bin/segue", "--database", "/d", "mcp"]
    assert CLIENTS["zed"].entry(served) == {"command": "/bin/segue", "args": ["--database", "/d", "mcp"]}
    assert CLIENTS["vscode"].entry(served)["type"] == "stdio"
    assert CLIENTS["opencode"].entry(served) == {"type": "local", "command": served}
