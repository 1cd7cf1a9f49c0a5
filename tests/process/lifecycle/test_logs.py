"""The log on stderr: one line per event, with priorities if the systemd journal reads it."""

import os
import re
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import PROGRAMS, Segued
from tests.support.system.background import Background, unattended

UNDER_JOURNAL = """
import os, sys
found = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino + int(sys.argv[1])}"
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Sets JOURNAL_STREAM as systemd does, to this stderr or, with an offset, to another stream."""

MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"


def put_under_journal(segued: Segued, off_by: int = 0) -> None:
    segued.program = [sys.executable, "-I", "-c", UNDER_JOURNAL, str(off_by), str(PROGRAMS / "segued")]


def test_the_journal_gets_priorities_and_no_times(segued: Segued) -> None:
    put_under_journal(segued)
    segued.start()
    owner = f"another segued (pid {segued.pid}) owns {segued.database}"
    assert segued.fail()[1] == [f"<3>segued: already running: {owner}"]
    segued.stop()
    assert segued.log == [
        f"<6>segued: ready on {segued.socket}\n",
        f"<4>segue: there is no {segued.config}; every setting has its default\n",
    ]


def test_a_file_gets_times_and_levels(segued: Segued) -> None:
    put_under_journal(segued, off_by=1)
    segued.start().stop()
    assert segued.log[0] == f"segued: ready on {segued.socket}\n"
    assert re.fullmatch(rf"{MOMENT} WARNING segue: there is no .*\n", segued.log[1])


def test_no_text_can_end_a_log_line(segued: Segued) -> None:
    odd = "a\nsegued: ready\x1b[2J\u2028b"
    segued.start("--config", str(segued.folder / odd)).stop()
    assert len(segued.log) == 2
    assert f"there is no {segued.folder}/a\\nsegued: ready\\x1b[2J\\u2028b; " in segued.log[1]


def test_a_start_error_is_one_line(segued: Segued) -> None:
    segued.config.write_text("[daemon]\nsocket = 5\n")
    put_under_journal(segued)
    code, lines = segued.fail()
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"<3>segued: config: {segued.config}: daemon.socket: must be a quoted string")


@pytest.fixture
def started(segued: Segued, unserved: Cli) -> Iterator[tuple[Cli, Background]]:
    """Yield `segue`, which may start a daemon, and the daemon that it starts."""
    with unattended(segued, unserved) as both:
        yield both


def test_the_log_is_private_and_rotated_when_it_is_long(started: tuple[Cli, Background]) -> None:
    segue, background = started
    journal = background.journal
    journal.parent.mkdir(parents=True, mode=0o700)
    journal.write_bytes(b"old\n" * 300_000)
    segue.ok("list")
    rotated = journal.with_name("segued.log.1")
    assert rotated.stat().st_size == 1_200_000
    assert journal.read_text().startswith("segued: ready on ")
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600


@pytest.mark.parametrize("obstacle", ["a file for a directory", "a link", "a pipe", "a directory"])
def test_the_daemon_serves_without_a_log_that_cannot_be_opened(
    segued: Segued, started: tuple[Cli, Background], obstacle: str
) -> None:
    segue, background = started
    journal = background.journal
    journal.parent.parent.mkdir(parents=True)
    if obstacle == "a file for a directory":
        journal.parent.write_text("")
    else:
        journal.parent.mkdir()
        put(obstacle, journal, segued.folder / "victim")
    segue.ok("list")
    assert not (segued.folder / "victim").exists()
    os.kill(background.pid, signal.SIGTERM)
    wait_until(background.is_gone)
    if obstacle == "a pipe":
        journal.unlink()  # Because reading the log would wait for a writer.


def put(obstacle: str, path: Path, target: Path) -> None:
    if obstacle == "a link":
        path.symlink_to(target)
    elif obstacle == "a pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
