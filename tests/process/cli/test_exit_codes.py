import json
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.support.process import Segued


def test_a_daemon_that_answers_is_0(segue: Cli) -> None:
    assert segue.ok("ping").out == "pong\n"
    assert segue.ok("ping", "--json").out == '"pong"\n'


@pytest.mark.parametrize("arguments", [["ping"], ["list"], ["add", "hello"], ["rpc", "daemon.ping"]])
def test_no_daemon_is_4_and_the_line_says_how_to_start_it(unserved: Cli, arguments: list[str]) -> None:
    outcome = unserved.run(*arguments)
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err.count("\n") == 1
    assert "segued" in outcome.err


def test_an_error_of_the_daemon_is_1(segue: Cli) -> None:
    outcome = segue.run("show", "unknown")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "segue: no session 'unknown'\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bogus"],
        ["list", "--bogus"],
        ["list", "-n", "0"],
        ["add"],
        ["add", "x", "--role", "king"],
        ["add", "x", "--session", "s", "--bot", "b"],
        ["resume"],
        ["rename"],
        ["rename", "a", "b", "c"],
        ["delete"],
        ["rpc"],
        ["rpc", "m", "{"],
        ["rpc", "m", "word"],
        ["--socket", "", "ping"],
    ],
)
def test_wrong_usage_is_2_and_asks_nothing_of_the_daemon(unserved: Cli, arguments: list[str]) -> None:
    outcome = unserved.run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lsit"], "No such command 'lsit'. Did you mean 'list'?\n"),
        (["memory", "ad", "x"], "No such command 'ad'. Did you mean 'add'?\n"),
        (["qqq"], "No such command 'qqq'.\n"),
        (
            ["list", "--stauts", "active"],
            "No such option '--stauts'. (Did you mean one of: '--status', '--stores', '--tag'?)\n",
        ),
        (["list", "--socket", "/x"], "--socket goes before the command: segue --socket PATH list …\n"),
        (["memory", "list", "--config=/x"], "--config goes before the command: segue --config PATH memory list …\n"),
    ],
)
def test_what_was_mistyped_or_misplaced_is_pointed_out(unserved: Cli, arguments: list[str], words: str) -> None:
    outcome = unserved.run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.endswith(f"Error: {words}")


def test_the_help_cuts_no_summary(unserved: Cli) -> None:
    for arguments in (["--help"], ["memory", "--help"], ["bot", "-h"]):
        assert "..." not in unserved.ok(*arguments).out.partition("Commands:")[2]


def test_a_wrong_configuration_is_2_and_names_file_key_and_reason(unserved: Cli, tmp_path: Path) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text("[session]\nretention_days = -1\n")
    outcome = unserved.run("--config", str(config), "ping")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.count("\n") == 1
    assert str(config) in outcome.err
    assert "session.retention_days" in outcome.err


def test_no_home_is_1_and_one_line(unserved: Cli) -> None:
    outcome = unserved.given(HOME="relative", SEGUE_DATABASE="", SEGUE_SOCKET="").run("ping")
    assert outcome.code == 1
    assert outcome.err.startswith("segue: no home: ")
    assert outcome.err.count("\n") == 1


def test_a_socket_path_longer_than_the_kernel_holds_is_1(unserved: Cli, tmp_path: Path) -> None:
    outcome = unserved.run("--socket", str(tmp_path / ("x" * 200)), "ping")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1


def test_bytes_of_an_argument_that_are_not_utf_8_become_replacement_characters(segue: Cli) -> None:
    session = segue.ok("add", b"caf\xe9").rows[0][-1]
    assert segue.ok("rpc", "session.update", f"session_id={session}", b"name=\xff\xff").json["name"] == "\ufffd\ufffd"
    assert segue.ok("show", session, "--json").json["messages"][0]["content"] == "caf\ufffd"
    named = segue.ok("rpc", "session.create", '{"name": "a\\ud800b"}').json
    assert named["name"] == "a\ufffdb"


def test_a_reader_that_has_enough_ends_it_quietly(segue: Cli, segued: Segued) -> None:
    id = segue.id()
    segue.ok("add", "-", stdin=b"x" * 1_000_000)
    outcome = segue.shell(f"( segue show {id}; echo $? >&2 ) | head -n 1")
    assert outcome.err == "0\n"
    assert segue.shell("( segue list; echo $? >&2 ) | true").err == "0\n"


def test_output_that_cannot_be_written_is_1(segue: Cli) -> None:
    if Path("/dev/full").exists():
        outcome = segue.shell("segue ping >/dev/full")
        assert outcome.code == 1
        assert outcome.err.count("\n") == 1


def test_closed_descriptors_do_no_harm(segue: Cli) -> None:
    assert segue.shell("segue list >&- 2>&- <&-") == (0, "", "")
    assert segue.shell("segue add - <&-").code == 2


def test_a_daemon_started_elsewhere_is_found_by_the_record_beside_the_database(segue: Cli, segued: Segued) -> None:
    lost = segue.given(SEGUE_SOCKET="")
    assert lost.ok("ping").out == "pong\n"
    record = json.loads((segued.database.parent / "daemon.json").read_text())
    assert record["socket"] == str(segued.socket)


def test_after_a_kill_the_record_leads_nowhere_and_that_is_4(segue: Cli, segued: Segued) -> None:
    segued.kill()
    assert segue.given(SEGUE_SOCKET="").run("ping").code == 4
    assert segue.run("ping").code == 4


def test_the_version_is_printed_without_a_daemon(unserved: Cli) -> None:
    assert unserved.ok("--version").out.startswith("segue ")


def test_an_unserved_database_is_not_mistaken_for_the_one_at_the_default_socket(segued: Segued, project: Path) -> None:
    runtime = segued.folder / "runtime"
    runtime.mkdir(mode=0o700)
    home = {key: value for key, value in segued.environment.items() if not key.startswith("SEGUE_")}
    home["XDG_RUNTIME_DIR"] = str(runtime)
    segued.database = segued.folder / ".local" / "share" / "segue" / "sessions.db"
    segued.socket = runtime / "segue" / "segued.sock"
    segued.start(env=home)
    at_home = Cli(home, project)
    assert at_home.ok("add", "mine").code == 0
    elsewhere = str(segued.folder / "other" / "sessions.db")
    other = at_home.given(SEGUE_DATABASE=elsewhere, SEGUE_NO_AUTOSTART="1")
    assert (other.run("add", "not mine").code, other.run("list").code) == (4, 4)
    assert segued.connect().call("session.list")["sessions"][0]["message_count"] == 1
    segued.database.with_name("daemon.json").unlink()
    same = at_home.given(SEGUE_DATABASE=str(segued.database))
    assert same.ok("list").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["ping"],
        ["rpc", "daemon.ping"],
        ["rpc", "session.get", "session_id=unknown"],
        ["rpc", "session.list", "limit=0"],
        ["rpc", "session.list", "limit=1", "name_contains=\u00e9\n"],
        ["rpc", "no.such.method"],
    ],
)
def test_a_plain_call_says_what_the_whole_command_line_says(segue: Cli, arguments: list[str]) -> None:
    segue.id("--name", "caf\u00e9")
    whole = segue.run("--socket", segue.environment["SEGUE_SOCKET"], *arguments)
    assert segue.run(*arguments) == whole
