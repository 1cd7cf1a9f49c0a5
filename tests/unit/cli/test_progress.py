import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from segue.cli.output import progress as display
from segue.cli.output.progress import ProgressDisplay
from segue.client.autostart.spawn import _read_report
from segue.runtime.lock import read_note, release_lock, take_lock
from segue.runtime.progress import STARTING, Progress
from segue.server.process import startup_report
from segue.server.process.startup_report import StartupReport
from tests.support.wire import TIMEOUT_SECONDS


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "SHOW_SECONDS", 0)
    monkeypatch.setattr(display, "DRAW_SECONDS", 0)


class Work:
    """A job whose next step begins at each look of the display."""

    def __init__(self, *steps: tuple[str, int | None, str]) -> None:
        self.progress = Progress("scrub")
        self.ended = threading.Event()
        self._steps = iter(steps)

    def look(self) -> None:
        for step in self._steps:
            self.progress.begin(*step)
            return
        self.ended.set()


STEPS = (("searching", 1200, "rows"), ("copying", 3 << 20, "bytes"), ("removing old values", None, ""))


def test_a_pipe_gets_one_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    work = Work(*STEPS)
    with ProgressDisplay(work.progress, refresh=work.look):
        assert work.ended.wait(TIMEOUT_SECONDS)
    assert capsys.readouterr().err.splitlines() == [
        "segue: scrub: searching (1 200 rows)",
        "segue: scrub: copying (3.0 MiB)",
        "segue: scrub: removing old values",
    ]


def test_the_end_does_not_wait_for_a_daemon_that_hangs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "END_SECONDS", 0.01)
    work = Work(*STEPS)
    asked, answered = threading.Event(), threading.Event()
    outcomes = []

    def hang() -> None:
        asked.set()
        outcomes.append(answered.wait(TIMEOUT_SECONDS))
        work.look()

    shown = ProgressDisplay(work.progress, refresh=hang)
    with shown:
        assert asked.wait(TIMEOUT_SECONDS)
    assert outcomes == []
    answered.set()
    shown._thread.join(TIMEOUT_SECONDS)
    assert (outcomes, shown._thread.is_alive()) == ([True], False)
    assert capsys.readouterr().err == "", "shown after the end"


def test_a_terminal_gets_a_bar_that_is_cleared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "stderr_is_tty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((70, 24)))
    monkeypatch.setattr(sys.stderr, "fileno", lambda: 2)
    work = Work(*STEPS)
    with ProgressDisplay(work.progress, refresh=work.look):
        assert work.ended.wait(TIMEOUT_SECONDS)
    shown = capsys.readouterr().err
    assert "\n" not in shown
    assert shown.startswith("\r\x1b[Kscrub: searching  ")
    assert "0 of 1 200 rows" in shown
    assert "0 B of 3.0 MiB" in shown
    assert shown.endswith("\r\x1b[K")


def line(done: int, columns: int, seconds: float = 4.0, unit: str = "rows", total: int | None = 1000) -> str:
    progress = Progress("scrub")
    progress.set("searching", done, total, unit)
    shown = ProgressDisplay(progress)
    shown._shown_since -= seconds
    return shown._line(columns)


def test_the_bar_has_counts_rate_and_time_left() -> None:
    shown = line(400, 79)
    assert shown.startswith("scrub: searching  ")
    assert shown.endswith("400 of 1 000 rows  100/s  6 s left")
    bar = shown.split("  ")[1]
    assert len(bar) >= display.LEAST_BAR
    assert bar.count(bar[0]) == len(bar) * 4 // 10
    assert "50.0 KiB of 100.0 KiB  12.5 KiB/s  4 s left" in line(51200, 79, unit="bytes", total=102400)
    assert "1 h 23 min left" in line(1, 79, seconds=5)


@pytest.mark.parametrize("columns", [10, 20, 40, 60])
def test_a_narrow_terminal_gets_one_line(columns: int) -> None:
    assert len(line(400, columns)) <= columns


def test_what_matters_least_is_left_out_where_there_is_no_room() -> None:
    assert line(400, 55).endswith("400 of 1 000 rows  6 s left")  # The rate goes first
    assert line(400, 55).startswith("scrub: searching  ")
    assert line(400, 45).startswith("scrub  ")  # Then the name of the step
    assert len(line(400, 45).split("  ")[1]) >= display.LEAST_BAR
    assert line(400, 36) == "scrub  400 of 1 000 rows  6 s left"
    assert line(400, 30) == "scrub  400 of 1 000 rows"


def test_a_few_long_steps_show_the_time_instead_of_a_rate() -> None:
    assert line(2, 79, unit="steps", total=7).endswith("  2 of 7 steps  4 s")


def test_an_interrupt_prints_what_is_done_and_how_to_continue(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("export")
    progress.begin("writing sessions", 7, "sessions")
    progress.add(3)
    with pytest.raises(KeyboardInterrupt), ProgressDisplay(progress, "run it again", quiet=True):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "segue: interrupted at 3 of 7 sessions; run it again\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)


async def test_a_daemon_that_migrates_reports_its_steps(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(startup_report, "STEP_SECONDS", 0)
    progress = Progress("start")
    progress.set("changing the schema", 2, 7, "steps")
    report = StartupReport(pipe[1], with_steps=True)
    path = tmp_path / "x.db.lock"
    lock = take_lock(path, "x.db")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(report.follow, progress, path)
        found: list[bytes | None] = []
        client = threading.Thread(target=lambda: found.append(_read_report(pipe[0], TIMEOUT_SECONDS)))
        client.start()
        with anyio.fail_after(TIMEOUT_SECONDS):
            while STARTING.total != 7:
                await anyio.sleep(0.001)
            while read_note(path)[0] != "+ 2 7 changing the schema":
                await anyio.sleep(0.001)
        report.end_steps()
        report.send(0, "/the/socket")
        await anyio.to_thread.run_sync(client.join)
    assert found == [b"0 /the/socket\n"]
    assert STARTING.done == 2
    assert path.read_text() == f"{os.getpid()}\n"
    release_lock(lock)


def test_the_client_shows_the_steps_and_returns_the_last_line(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"+ 1 5 changing the schema\n+ 3 5 changing the schema\n")
    os.write(pipe[1], b"0 /the/socket\n")
    os.close(pipe[1])
    assert _read_report(pipe[0], 10) == b"0 /the/socket\n"
    assert (STARTING.step, STARTING.done, STARTING.total) == ("changing the schema", 3, 5)


def test_a_client_that_does_not_ask_gets_no_steps(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"1 cannot start\n")
    os.close(pipe[1])
    assert _read_report(pipe[0], 10) == b"1 cannot start\n"
