"""Entries in configuration files of agents that are TOML."""

from pathlib import Path

import pytest

from segue.cli.integration.agents import toml_table
from segue.cli.output.terminal import Failure
from tests.unit.cli.integration.config_files import ENTRY, content, file

CODEX = """\
model = "gpt-5" # the default
approval_policy = "on-request"

[mcp_servers.docs]
command = "docs"
args = [
  "[mcp_servers.segue]", # a string that looks like a header
]

# Projects that are trusted
[projects."/home/ada/proj"]
trust_level = "trusted"
"""

CODEX_ENTRY = """\

[mcp_servers.segue]
command = "/home/ada/.local/bin/segue"
args = ["mcp"]
"""


def test_a_table_is_added_behind_the_others(tmp_path: Path) -> None:
    config = file(tmp_path, CODEX, toml_table, "mcp_servers")
    assert config.write(ENTRY)
    assert content(config) == CODEX + CODEX_ENTRY
    assert config.remove()
    assert content(config) == CODEX


def test_a_table_in_the_middle_is_changed_in_place(tmp_path: Path) -> None:
    old = """\
[mcp_servers."segue"] # mine
command = "old"
args = []
startup_timeout_sec = 20

[mcp_servers.segue.env]
A = "b"

"""
    config = file(tmp_path, old + CODEX.replace("model", "[a]\nmodel", 1), toml_table, "mcp_servers")
    assert config.write(ENTRY)
    new = old.replace('"old"', '"/home/ada/.local/bin/segue"').replace("[]", '["mcp"]')
    assert content(config).startswith(new)
    assert config.read() == {**ENTRY, "startup_timeout_sec": 20, "env": {"A": "b"}}
    assert config.remove()
    assert content(config) == CODEX.replace("model", "[a]\nmodel", 1)


def test_a_missing_toml_file_gets_the_table(tmp_path: Path) -> None:
    config = file(tmp_path, None, toml_table, "mcp_servers")
    assert config.write(ENTRY)
    assert content(config) == CODEX_ENTRY.lstrip("\n")
    assert config.remove()
    assert content(config) == ""


@pytest.mark.parametrize(
    "text",
    [
        '[mcp_servers]\nsegue = { command = "old" }\n',
        'mcp_servers = { docs = { command = "docs" } }\n',
        'mcp_servers.segue.command = "old"\n',
        '[mcp_servers.segue]\ncommand = """\nold"""\n',
        '[mcp_servers]\nsegue = "text"\n',
    ],
)
def test_a_toml_file_of_an_unusual_form_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    config = file(tmp_path, text, toml_table, "mcp_servers")
    with pytest.raises(Failure, match="it was not changed"):
        config.write(ENTRY)
    assert content(config) == text
