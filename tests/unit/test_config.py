import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from segue.config import Config, check_tools, load_config, parse_config
from segue.errors import ConfigError

PATH = Path("/home/ada/.config/segue/config.toml")

CONTRACT = """
[session]
continuity_hours = 4
retention_days = 30
max_sessions = 0
auto_cleanup = true
cleanup_interval_minutes = 60
scope = "project"
affinity = "none"

[daemon]
durability = "full"
idle_exit_minutes = 0
log_level = "info"

[limits]
request_bytes = 16777216
content_bytes = 8388608
clients = 512
queue = 10000
event_backlog = 10000
event_backlog_bytes = 67108864
answer_bytes = 16777216
batch = 1000

[ask]
format = "text"

[privacy]
redact = false

[import]
follow = false
retention_days = 0

[sync]
interval_seconds = 30
home_relative = true
continue = "here"
"""
"""Text: the configuration file of the contract, with every key that has a default."""

WITHOUT_DEFAULT = {("daemon", "socket"), ("daemon", "database"), ("ask", "command"), ("sync", "url")}


def parse(text: str) -> Config:
    return parse_config(text, PATH)


def refusal(text: str) -> str:
    """Return the reason why the text is refused, without the name of the file."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert caught.value.exit_code == 2
    start = f"config: {PATH}: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


def test_the_defaults_are_those_of_the_contract() -> None:
    found: dict[str, dict[str, Any]] = msgspec.to_builtins(Config())
    keys = {(section, key): value for section, values in found.items() for key, value in values.items()}
    assert {name for name, value in keys.items() if value is None} == WITHOUT_DEFAULT
    assert {
        section: {key: value for key, value in values.items() if value is not None} for section, values in found.items()
    } == tomllib.loads(CONTRACT)


def test_a_file_with_the_defaults_changes_nothing() -> None:
    assert parse(CONTRACT) == Config()


@pytest.mark.parametrize("text", ["", "\n", "# none\n", "[session]\n", "[session]\n[daemon]\n[limits]\n[ask]\n"])
def test_a_missing_key_has_its_default(text: str) -> None:
    assert parse(text) == Config()


def test_a_missing_file_means_defaults(tmp_path: Path) -> None:
    assert load_config(tmp_path / "none.toml") == Config()
    assert load_config(tmp_path / "none" / "none.toml") == Config()


GIVEN: list[tuple[str, str, Any]] = [
    ("session", "continuity_hours", 0.5),
    ("session", "continuity_hours", 0),
    ("session", "retention_days", 0),
    ("session", "retention_days", 1_000_000_000),
    ("session", "max_sessions", 7),
    ("session", "auto_cleanup", False),
    ("session", "cleanup_interval_minutes", 0.001),
    ("session", "scope", "directory"),
    ("session", "affinity", "terminal"),
    ("daemon", "socket", "/run/user/1/x.sock"),
    ("daemon", "database", "~/x.db"),
    ("daemon", "durability", "normal"),
    ("daemon", "idle_exit_minutes", 0.002),
    ("daemon", "log_level", "debug"),
    ("limits", "request_bytes", 1),
    ("limits", "content_bytes", 2**40),
    ("limits", "clients", 1),
    ("limits", "queue", 1),
    ("limits", "event_backlog", 1),
    ("limits", "event_backlog_bytes", 1),
    ("limits", "answer_bytes", 1),
    ("limits", "batch", 1),
    ("ask", "command", "llm -m x"),
    ("ask", "format", "json"),
    ("privacy", "redact", True),
    ("import", "follow", True),
    ("import", "follow", ["claude", "codex"]),
    ("import", "retention_days", 0.5),
    ("sync", "url", "/mnt/nas/segue"),
    ("sync", "url", "postgres://db.example/segue"),
    ("sync", "url", "postgresql://db.example/segue"),
    ("sync", "url", "S3://bucket/folder"),
    ("sync", "interval_seconds", 1),
    ("sync", "home_relative", False),
    ("sync", "continue", "anywhere"),
]


@pytest.mark.parametrize(("section", "key", "value"), GIVEN)
def test_every_key_takes_a_value_and_leaves_the_others(section: str, key: str, value: Any) -> None:
    text = f"[{section}]\n{key} = {msgspec.json.encode(value).decode()}\n"
    found = msgspec.to_builtins(parse(text))
    expected = msgspec.to_builtins(Config())
    expected[section][key] = value
    assert found == expected


def test_the_table_has_every_key() -> None:
    known = msgspec.to_builtins(Config())
    assert {(section, key) for section, key, _ in GIVEN} == {(s, key) for s, keys in known.items() for key in keys}


BOUNDS = [
    ("session", "continuity_hours", "-0.1"),
    ("session", "continuity_hours", "1_000_000_001"),
    ("session", "retention_days", "-1"),
    ("session", "retention_days", "1e300"),
    ("session", "max_sessions", "-1"),
    ("session", "max_sessions", str(2**40 + 1)),
    ("session", "cleanup_interval_minutes", "0"),
    ("daemon", "idle_exit_minutes", "-0.001"),
    ("limits", "clients", "0"),
    ("limits", "request_bytes", "-1"),
    ("limits", "queue", str(2**40 + 1)),
    ("limits", "batch", "9" * 400),
    ("session", "retention_days", "9" * 400),
]

KINDS = [
    ("session", "continuity_hours", '"4"'),
    ("session", "continuity_hours", "true"),
    ("session", "max_sessions", "1.5"),
    ("session", "max_sessions", "1.0"),
    ("session", "max_sessions", "false"),
    ("session", "auto_cleanup", "1"),
    ("session", "auto_cleanup", '"yes"'),
    ("daemon", "socket", "1"),
    ("daemon", "durability", '"Full"'),
    ("daemon", "log_level", '"trace"'),
    ("limits", "clients", "1979-05-27"),
    ("limits", "clients", "[1]"),
    ("ask", "format", "{}"),
    ("privacy", "redact", "0"),
    ("import", "follow", "1"),
    ("import", "retention_days", "-1"),
]

ODD = [
    (section, key, value)
    for section, key in (("session", "retention_days"), ("session", "cleanup_interval_minutes"), ("limits", "clients"))
    for value in ("nan", "inf", "-inf", "-nan")
]


@pytest.mark.parametrize(("section", "key", "value"), BOUNDS + KINDS + ODD)
def test_a_value_out_of_bounds_or_of_the_wrong_type_is_refused_with_its_key(section: str, key: str, value: str) -> None:
    assert refusal(f"[{section}]\n{key} = {value}\n").startswith(f"{section}.{key}: ")


HUB = "must be the absolute path of a folder, or a URL such as postgresql://… or s3://…"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('daemon.log_level = "verbose"', 'daemon.log_level: must be one of debug, error, info, warning, not "verbose"'),
        ("daemon.socket = 1", "daemon.socket: must be a quoted string, not 1"),
        ("session.auto_cleanup = 'yes'", 'session.auto_cleanup: must be true or false, not "yes"'),
        ("session.retention_days = -1", "session.retention_days: must be a number from 0 to 1000000000, not -1"),
        (
            "session.cleanup_interval_minutes = 0",
            "session.cleanup_interval_minutes: must be a number above 0, up to 1000000000, not 0",
        ),
        ("limits.clients = 0.5", "limits.clients: must be a whole number from 1 to 1099511627776, not 0.5"),
        (
            "limits.clients = 2020-01-01",
            'limits.clients: must be a whole number from 1 to 1099511627776, not "2020-01-01"',
        ),
        (
            "limits.batch = " + "9" * 400,
            f"limits.batch: must be a whole number from 1 to 1099511627776, not {'9' * 40}…",
        ),
        ("ask.format = {}", "ask.format: must be one of json, text, not {}"),
        ('import.follow = "claude"', 'import.follow: must be true or false or a list of quoted strings, not "claude"'),
        ('import.follow = ["claude", 3]', "import.follow[1]: must be true or false or a list of quoted strings, not 3"),
        ("sync.url = 3", f"sync.url: {HUB}, not 3"),
        ('sync.url = "ftp://ada:secret@example"', f'sync.url: {HUB}, not "ftp:…"'),
        ('sync.url = "segue"', f'sync.url: {HUB}, not "segue"'),
        ("session = 3", "session: must be a section, not 3"),
        ("[[limits]]", "limits: must be a section, not [{}]"),
    ],
)
def test_a_refusal_states_the_requirement(text: str, words: str) -> None:
    assert refusal(text) == words


def test_an_unknown_key_is_refused_with_its_name() -> None:
    assert refusal("[sessions]\n") == "sessions: unknown key"
    assert refusal("verbose = true\n") == "verbose: unknown key"
    assert refusal("[session]\nretention_day = 3\n") == "session.retention_day: unknown key"
    assert refusal("[session.deep]\nx = 1\n") == "session.deep: unknown key"


def test_a_section_that_is_no_table_is_refused_with_its_name() -> None:
    assert refusal("session = 3\n").startswith("session: ")
    assert refusal("[[limits]]\n").startswith("limits: ")


@pytest.mark.parametrize(
    "text",
    [
        "[session\n",
        "= 3\n",
        "[session]\n[session]\n",
        "[session]\nmax_sessions = 1\nmax_sessions = 2\n",
        "[session]\nmax_sessions = 01\n",
        "[session]\nmax_sessions = " + "9" * 5000 + "\n",
        "x = " + "[" * 100_000,
        "\ufeff[session]\n\0",
    ],
    ids=range(8),
)
def test_text_that_is_not_toml_is_refused(text: str) -> None:
    assert refusal(text).startswith("not TOML: ")


@pytest.mark.parametrize(
    ("data", "first"), [(b"\xff", 0), (b"[ask]\ncommand = '\xe9'\n", 17), ("[session]\n".encode("utf-16"), 0)]
)
def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path, data: bytes, first: int) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value) == f"config: {path}: not UTF-8 at byte {first}"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path)
    assert str(caught.value) == f"config: {tmp_path}: cannot be read: Is a directory"


def test_time_spans_are_converted_to_milliseconds_and_zero_days_keep_sessions() -> None:
    assert parse("[session]\ncontinuity_hours = 0.5\n").session.continuity_ms == 1_800_000
    assert parse("[session]\ncontinuity_hours = 0\n").session.continuity_ms == 0
    assert parse("[session]\nretention_days = 1\n").session.retention_ms == 86_400_000
    assert parse("[session]\nretention_days = 1e-12\n").session.retention_ms == 1
    assert parse("[session]\nretention_days = 0\n").session.retention_ms is None


def test_tools_to_follow_are_those_that_can_be_imported() -> None:
    check_tools(parse("[import]\nfollow = ['claude', 'shell-gpt']\n"), PATH)
    check_tools(parse("[import]\nfollow = true\n"), PATH)
    with pytest.raises(ConfigError) as caught:
        check_tools(parse("[import]\nfollow = ['claude', 'Codex']\n"), PATH)
    assert f'config: {PATH}: import.follow: no tool is named "Codex"; the tools are aider, ' in str(caught.value)
