"""The log on stderr: one line per event, with priorities if the systemd journal reads it."""

import re
import sys

from tests.support.process import PROGRAMS, Segued

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
    assert lines[0].startswith(f"<3>segued: config: {segued.config}: daemon.socket: must be a text")
