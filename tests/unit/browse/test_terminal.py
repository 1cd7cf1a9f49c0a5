"""What the browser finds out about the terminal, and how it copies."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.browse import start
from segue.browse.clipboard import OSC_BYTES, copy
from segue.browse.start import choose_theme
from tests.support.wire import TIMEOUT_SECONDS

FENCE = b"\x1b[?1;2c"


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLORFGBG", "TMUX", "WAYLAND_DISPLAY", "DISPLAY", "SSH_TTY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize(
    ("variables", "theme"),
    [
        ({"NO_COLOR": "1"}, "ansi"),
        ({"TERM": "linux"}, "ansi"),
        ({"TERM": "xterm-16color"}, "ansi"),
        ({"COLORFGBG": "0;15"}, "light"),
        ({"COLORFGBG": "15;0"}, "dark"),
        ({}, "dark"),
    ],
)
def test_variables_choose_the_theme(variables: dict[str, str], theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_background", lambda: None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert choose_theme(None) == choose_theme("auto") == theme
    assert choose_theme("light") == "light"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """Run a terminal that answers the request for its color with these bytes."""
    master, slave = os.openpty()
    reading, writing = os.fdopen(os.dup(slave)), os.fdopen(slave, "w")
    monkeypatch.setattr(sys, "stdin", reading)
    monkeypatch.setattr(sys, "__stderr__", writing)
    monkeypatch.setattr(start, "ANSWER_SECONDS", 5)
    given: list[bytes] = []

    def answer() -> None:
        while not os.read(master, 1024).endswith(b"\x1b[c"):
            pass
        for piece in given:
            os.write(master, piece)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield given
    thread.join(TIMEOUT_SECONDS)
    reading.close()
    writing.close()
    os.close(master)


@pytest.mark.parametrize(
    ("given", "theme"),
    [
        ([b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\", FENCE], "light"),
        ([b"\x1b]11;rgb:1c1c/1c1c/1c1c\x07" + FENCE], "dark"),
        ([b"\x1b]11;rgb:f/f/f\x1b\\" + FENCE], "light"),
        ([b"\x1b]11;nonsense\x1b\\" + FENCE], "dark"),
        ([FENCE], "dark"),
    ],
)
def test_the_background_of_the_terminal_chooses_the_theme(answers: list[bytes], given: list[bytes], theme: str) -> None:
    answers += given
    assert choose_theme(None) == theme


def test_the_terminal_copies_where_no_program_does() -> None:
    taken: list[str] = []
    assert copy("short", taken.append) == "the terminal"
    assert taken == ["short"]


def test_a_text_that_no_terminal_takes_goes_to_a_file() -> None:
    taken: list[str] = []
    path = Path(copy("é" * OSC_BYTES, taken.append))
    try:
        assert path.read_text("utf-8") == "é" * OSC_BYTES
        assert path.stat().st_mode & 0o077 == 0
        assert taken == []
    finally:
        path.unlink()


def test_the_program_of_the_screen_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("wl-copy", "tmux"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ncat > {tmp_path}/{name}.txt\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert copy("one", pytest.fail) == "wl-copy"
    assert (tmp_path / "wl-copy.txt").read_text() == "one"
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")  # The clipboard of this machine is not before the user
    taken: list[str] = []
    assert copy("two", taken.append) == "the terminal"
    monkeypatch.setenv("TMUX", "/tmp/tmux")
    assert copy("three", pytest.fail) == "tmux"
    (tmp_path / "tmux").write_text("#!/bin/sh\nexit 1\n")
    assert copy("four", taken.append) == "the terminal"
    assert taken == ["two", "four"]
