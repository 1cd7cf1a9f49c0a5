"""Options, settings, standard streams and exit statuses of `segued`."""

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from segue import __version__
from tests.support.deadline import wait_until
from tests.support.process import PROGRAMS, Segued
from tests.support.system.users import AM_ROOT, NOBODY
from tests.support.wire import TIMEOUT_SECONDS, Wire


def test_wrong_usage_exits_with_status_2(segued: Segued) -> None:
    for options in (["--bogus"], ["--log-level", "loud"], ["extra"], ["--socket"], ["--version=1"]):
        segued.refuse(2, "usage", *options)
    for options in (["--socket", ""], ["--database", ""], ["--config", ""]):
        segued.refuse(2, "usage", *options)
    for variable in ("SEGUE_SOCKET", "SEGUE_DATABASE", "SEGUE_CONFIG"):
        environment = {**segued.environment, variable: "relative/path"}
        segued.refuse(2, f"environment: {variable}", env=environment)
    assert list(segued.folder.iterdir()) == []


WRONG = {
    "an unknown section": "[sessions]\n",
    "an unknown key": "[session]\nretention_day = 1\n",
    "a wrong type": "[limits]\nclients = 'many'\n",
    "out of range": "[limits]\nclients = 0\n",
    "infinite": "[session]\nretention_days = inf\n",
    "not a number": "[daemon]\nidle_exit_minutes = nan\n",
    "not TOML": "[session\n",
    "a number of many digits": "[limits]\nclients = " + "9" * 5000 + "\n",
    "a relative socket": "[daemon]\nsocket = 'run/x.sock'\n",
    "a relative database": "[daemon]\ndatabase = 'x.db'\n",
    "not UTF-8": b"[ask]\ncommand = '\xff'\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_setting_exits_with_status_2(segued: Segued, text: str | bytes) -> None:
    segued.config.write_bytes(text if isinstance(text, bytes) else text.encode())
    environment = {
        name: value for name, value in segued.environment.items() if name not in ("SEGUE_SOCKET", "SEGUE_DATABASE")
    }
    assert str(segued.config) in segued.refuse(2, "config", env=environment)
    assert list(segued.folder.iterdir()) == [segued.config]


def test_an_unreadable_configuration_exits_with_status_2(segued: Segued) -> None:
    segued.config.mkdir()
    segued.refuse(2, "config")
    segued.config.rmdir()
    segued.refuse(2, "config", "--config", "/dev/null/config.toml")


def test_a_configuration_that_is_no_text_of_bounded_length_is_refused(segued: Segued) -> None:
    segued.config.write_bytes(b"#" * 65_536)
    segued.start()
    assert segued.stop() == 0
    os.truncate(segued.config, 65_537)
    assert "longer than 65536 bytes" in segued.refuse(2, "config")
    segued.refuse(2, "config", "--config", "/dev/zero")
    segued.config.unlink()
    os.mkfifo(segued.config, 0o600)
    assert "a pipe" in segued.refuse(2, "config")


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666], ids=oct)
def test_a_configuration_writable_by_other_users_is_refused(segued: Segued, mode: int) -> None:
    segued.config.write_text("")
    segued.config.chmod(mode)
    assert f"run: chmod 600 {segued.config}" in segued.refuse(2, f"config: {segued.config}")


@pytest.mark.skipif(not AM_ROOT, reason="only root can give a file away")
def test_a_configuration_of_another_user_is_refused(segued: Segued) -> None:
    segued.config.write_text("")
    os.chown(segued.config, NOBODY, NOBODY)
    assert f"belongs to user {NOBODY}" in segued.refuse(2, f"config: {segued.config}")


def test_a_path_that_other_users_can_rename_is_logged(segued: Segued) -> None:
    shared = segued.folder / "shared"
    (shared / "data").mkdir(parents=True, mode=0o700)
    shared.chmod(0o777)
    segued.start("--database", str(shared / "data" / "sessions.db"))
    wait_until(lambda: any(f"can rename what leads to the database {shared}" in line for line in segued.log))
    segued.stop()
    shared.chmod(0o700)


def test_status_reports_a_changed_configuration(segued: Segued) -> None:
    segued.config.write_text("[daemon]\nidle_exit_minutes = 5\n")
    wire = segued.start().connect()
    status = wire.call("daemon.status")
    assert (status["config_changed"], status["sync"], status["import"]) == (False, None, None)
    for text in ("[daemon]\nidle_exit_minutes = 6\n", "nonsense"):
        segued.config.write_text(text)
        assert wire.call("daemon.status")["config_changed"]
    segued.config.write_text("# a comment\n[daemon]\nidle_exit_minutes = 5.0\n")
    assert not wire.call("daemon.status")["config_changed"]


def test_a_missing_configuration_is_logged_when_the_daemon_serves(segued: Segued) -> None:
    segued.start()
    assert segued.connect().call("daemon.ping") == "pong"
    assert segued.stop() == 0
    assert [line.split("segue: ")[-1] for line in segued.log[1:]] == [
        f"there is no {segued.config}; every setting has its default\n"
    ]


def test_the_version_is_printed_without_a_home_directory(segued: Segued) -> None:
    done = subprocess.run(
        [*segued.program, "--version"], env={"HOME": "", "SEGUE_SOCKET": "nowhere"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"segued {__version__}\n".encode(), b"")


def test_a_start_error_is_one_line_at_log_level_debug(segued: Segued) -> None:
    segued.start()
    code, lines = segued.fail("--log-level", "debug")
    assert (code, len(lines)) == (3, 1), lines


@pytest.mark.parametrize("content", ["notes of mine", "another database"])
def test_a_refused_file_is_unchanged(segued: Segued, content: str) -> None:
    folder = segued.folder / "mine"
    folder.mkdir(mode=0o700)
    file = folder / "file"
    if content == "another database":
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    else:
        file.write_text(content)
    file.chmod(0o644)
    before = (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime_ns)
    code, lines = segued.fail("--database", str(file))
    assert (code, len(lines)) == (1, 1)
    assert str(file) in lines[0]
    assert (file.read_bytes(), file.stat().st_mode, file.stat().st_mtime_ns) == before
    assert [path.name for path in folder.iterdir()] == ["file"]


def test_an_overridden_setting_must_be_valid(segued: Segued) -> None:
    segued.config.write_text('[daemon]\nsocket = "relative"\n')
    code, lines = segued.fail("--socket", str(segued.socket))
    assert (code, len(lines)) == (2, 1)


def test_the_daemon_serves_although_its_log_cannot_be_written(segued: Segued) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.Popen([*segued.program], env=segued.environment, stderr=full)
    wait_until(segued.socket.exists)
    with Wire(segued.socket) as wire:
        assert wire.call("daemon.ping") == "pong"
        wire.call("daemon.shutdown")
    assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_daemon_without_standard_streams_serves(segued: Segued) -> None:
    """With descriptors 0, 1 and 2 closed, none of the daemon's files may get these numbers."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec '{PROGRAMS}/segued' <&- >&- 2>&-"], env=segued.environment, stdin=subprocess.DEVNULL
    )
    record = segued.record
    wait_until(lambda: record.exists() or process.poll() is not None)
    with Wire(segued.socket) as wire:
        for _ in range(20):
            wire.ask(b"no json at all")
        wire.call("session.create", id="s")
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
        assert wire.call("daemon.shutdown") == {}
    assert process.wait(TIMEOUT_SECONDS) == 0


def test_a_shell_gets_the_exit_status_and_no_output(segued: Segued) -> None:
    script = f"said=$('{PROGRAMS}/segued' --bogus 2>/dev/null); echo \"$? [$said]\""
    done = subprocess.run(["/bin/sh", "-c", script], env=segued.environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("2 []\n", "")
    script = f"said=$('{PROGRAMS}/segued' 2>/dev/null); echo \"$? [$said]\""
    with subprocess.Popen(["/bin/sh", "-c", script], env=segued.environment, stdout=subprocess.PIPE) as shell:
        wait_until(segued.record.exists)
        with Wire(segued.socket) as wire:
            assert wire.call("daemon.shutdown") == {}
        assert shell.communicate(timeout=TIMEOUT_SECONDS)[0] == b"0 []\n"
