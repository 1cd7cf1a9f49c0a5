"""`segue doctor`: one line for each check, with and without a daemon."""

import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.process.command_line import Cli, Outcome
from tests.support.process import Segued


def states(outcome: Outcome) -> dict[str, tuple[str, str]]:
    """Return the state and the text of each check."""
    return {name: (state, text) for state, name, text in outcome.rows}


def test_all_is_well_with_a_daemon(segue: Cli, segued: Segued) -> None:
    segued.config.write_text('[ask]\ncommand = "cat --secret"\n')
    segued.stop()
    segued.start()
    outcome = segue.ok("doctor")
    found = states(outcome)
    assert {state for state, _ in found.values()} == {"ok"}, outcome.out
    assert list(found) == [
        "programs", "sqlite", "config", "database", "space", "socket", "daemon", "backup", "cleanup", "content",
        "service", "shell", "ask",
    ]  # fmt: skip
    assert f"pid {segued.pid}" in found["daemon"][1]
    assert found["ask"][1] == "the model command runs cat"
    result = segue.ok("doctor", "--json").json
    assert result["ok"] is True
    assert {one["name"]: one["state"] for one in result["checks"]} == dict.fromkeys(found, "ok")


def test_no_daemon_is_started(unserved: Cli, segued: Segued) -> None:
    found = states(unserved.given(SEGUE_NO_AUTOSTART="").ok("doctor"))
    assert found["daemon"] == ("ok", "not running; the next command that needs it starts it")
    assert found["database"][0] == "ok"
    assert not segued.database.parent.exists()
    assert states(unserved.ok("doctor"))["daemon"] == (
        "warn",
        "not running, and SEGUE_NO_AUTOSTART prevents its start; run: segue start",
    )


def test_a_wrong_setting_fails_and_the_other_checks_still_run(unserved: Cli, segued: Segued) -> None:
    segued.config.write_text("[session]\nretention = 3\n")
    outcome = unserved.run("doctor")
    found = states(outcome)
    assert outcome.code == 1
    assert found["config"][0] == "fail"
    assert found["config"][1].endswith("session.retention: unknown key; correct it with: segue config edit")
    assert found["programs"][0] == found["shell"][0] == "ok"
    outcome = unserved.given(SEGUE_DATABASE="relative").run("doctor", "--json")
    assert (outcome.code, outcome.json["ok"]) == (1, False)


def test_a_database_that_others_can_read_fails(segue: Cli, segued: Segued) -> None:
    segued.database.chmod(0o644)
    outcome = segue.run("doctor")
    found = states(outcome)
    assert (outcome.code, found["database"][0]) == (1, "fail")
    assert found["database"][1] == f"other users can access it; run: chmod 600 {segued.database}"
    assert found["content"][0] == "fail"
    segued.database.chmod(0o600)


def test_what_a_person_should_do_is_a_warning(segue: Cli, segued: Segued) -> None:
    wire = segued.connect()
    id = wire.call("session.create", created_at="2026-01-01T00:00:00.000Z", retention_days=1)["id"]
    wire.call("message.append_many", session_id=id, messages=[{"role": "user", "content": "x"}] * 100)
    wire.call("session.create", created_at="2026-01-01T00:00:00.000Z", retention_days=1)
    segued.config.write_text('[ask]\ncommand = "no-such-model"\n')
    bash = segue.given(SHELL="/bin/bash")
    (segued.folder / ".bashrc").write_text('# segue init\neval "$(/opt/x/segue --database /y init bash)"\n')
    found = states(bash.ok("doctor"))
    assert found["config"] == ("warn", "the file changed since the daemon started; run: segue restart")
    assert found["backup"] == ("warn", "no backup of 100 messages; run: segue backup PATH")
    assert found["cleanup"][0] == "warn"
    assert found["cleanup"][1].startswith("2 sessions expire within 3 days; ")
    assert found["ask"] == ("warn", "the model command runs no-such-model, which is not in PATH; install it")
    assert found["shell"] == ("ok", "~/.bashrc loads it; if the prompt shows nothing, see: segue help shell")


def test_a_backup_is_remembered(segue: Cli, segued: Segued, tmp_path: Path) -> None:
    segue.ok("backup", str(tmp_path / "copy.db"))
    assert re.fullmatch(r"the last one was made \d+s ago", states(segue.ok("doctor"))["backup"][1])
    segued.stop()
    with closing(sqlite3.connect(segued.database)) as connection, connection:
        connection.execute("UPDATE daemon_state SET value = '2026-01-01T00:00:00.000Z' WHERE name = 'backup.last_at'")
    segued.start()
    state, text = states(segue.ok("doctor"))["backup"]
    assert (state, text.endswith("d ago; run: segue backup PATH")) == ("warn", True)


def test_a_daemon_without_a_socket_fails(segue: Cli, segued: Segued) -> None:
    segued.socket.unlink()
    outcome = segue.run("doctor")
    assert outcome.code == 1
    assert f"segued (pid {segued.pid}) holds the database" in states(outcome)["daemon"][1]
    segued.signal(signal.SIGTERM)


def test_a_narrow_terminal_gets_wrapped_lines_in_color(segue: Cli) -> None:
    screen = segue.shown("doctor", columns=40)
    assert "\x1b[32mok   \x1b[0m" in screen
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen).splitlines()
    assert all(re.match(r"(ok  |warn|fail) [a-z ]{12} \S| {18}\S", line) for line in lines), lines
