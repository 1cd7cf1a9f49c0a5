import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.process.browse.conftest import Opened
from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued

WITHOUT_TEXTUAL = """
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "textual" else find_spec(name, *rest)
"""


def test_a_person_reads_searches_copies_and_quits(terminal: Opened, segued: Segued) -> None:
    tmux = terminal()
    screen = tmux.shows("An answer:")
    assert "3 sessions" in screen
    assert "\x1b" not in screen
    assert "question 0\ufffd[31m\ufffd" in screen
    tmux.type("Enter")
    tmux.shows("Esc back")
    tmux.type("c")
    tmux.shows("copied the code block to tmux")
    assert tmux.run("show-buffer") == "print(1)\n"
    tmux.type("Escape")
    tmux.shows("q quit")
    tmux.type("/question 2")  # In one go: no letter may be taken as a key of the list
    tmux.shows("Session 2")
    tmux.type("Enter")
    tmux.shows("▌ question 2")
    tmux.run("resize-window", "-x", "60", "-y", "24")
    tmux.shows("▌ question 2")
    tmux.run("resize-window", "-x", "160", "-y", "40")
    tmux.shows("Messages")
    segued.connect().call("message.append", session_id="s2", role="assistant", content="while you look")
    tmux.shows("while you look")
    tmux.type("Escape")
    tmux.shows("q quit")
    tmux.type("q")
    assert "ENDED 0" in tmux.shows("ENDED")


def test_segue_alone_opens_the_browser_and_says_why_it_cannot(terminal: Opened, segued: Segued) -> None:
    tmux = terminal(SEGUE)
    tmux.shows("3 sessions")
    tmux.type("C-c")
    tmux.shows("ENDED 0")
    tmux.close()
    segued.stop()
    tmux = terminal()
    screen = tmux.shows("ENDED")
    assert "no daemon at" in screen
    assert "ENDED 4" in screen


def test_without_colors_marks_and_reverse_carry_the_meaning(terminal: Opened) -> None:
    tmux = terminal(f"{SEGUE} browse --ascii", NO_COLOR="1")
    tmux.shows("An answer:")
    tmux.type("Enter")
    tmux.shows("Esc back")
    tmux.shows("| question 0")
    screen = tmux.screen("-e")
    assert re.search(r"\x1b\[(\d;)*7m", screen)  # The selected row
    assert not any(f"\x1b[{code}" in screen for code in ("38;2", "48;2", "38;5", "48;5", "31m", "34m"))


def test_a_question_is_asked_from_the_browser(terminal: Opened, segued: Segued) -> None:
    tmux = terminal(SEGUE_ASK="tail -n 1 >/dev/null; echo the reply of a model")
    tmux.shows("An answer:")
    tmux.type("i")
    tmux.shows("Enter ask")
    tmux.type("and now?", "Enter")
    tmux.shows("the reply of a model")
    assert "edited" not in tmux.shows("3 sessions")
    messages = segued.connect().call("message.list", session_id="s0")["messages"]
    assert [message["content"].strip() for message in messages[2:]] == ["and now?", "the reply of a model"]


def test_a_reply_is_shown_while_it_is_streamed_and_can_be_stopped(terminal: Opened, segued: Segued) -> None:
    tmux = terminal(SEGUE_ASK="echo part; exec sleep 60")
    tmux.shows("An answer:")
    tmux.type("i")
    tmux.shows("Enter ask")
    tmux.type("long?", "Enter")
    tmux.shows("asking")
    tmux.shows("long?")
    tmux.shows("~ streaming")
    tmux.shows("part")
    tmux.type("C-c")
    tmux.shows("interrupted")
    tmux.shows("3 sessions")
    tmux.type("Escape")
    tmux.shows("Esc back")
    tmux.type("q")
    tmux.shows("ENDED 0")


def test_the_last_question_is_repeated(terminal: Opened, segued: Segued, segue: Cli) -> None:
    script = segue.directory / "model"
    script.write_text("tail -n 1 >/dev/null; echo x >> calls; echo reply $(wc -l < calls)\n")
    tmux = terminal(SEGUE_ASK=f"sh {script}")
    tmux.shows("An answer:")
    tmux.type("Enter")
    tmux.shows("Esc back")
    for number in (1, 2):
        tmux.type("C-r")
        tmux.shows(f"reply {number}")
        tmux.shows("3 sessions")  # The command has ended
    messages = segued.connect().call("message.list", session_id="s0")["messages"]
    assert [message["content"].strip() for message in messages][1:] == ["reply 2"]


def test_a_message_is_edited_in_a_program_that_takes_the_terminal(terminal: Opened, segued: Segued) -> None:
    tmux = terminal(EDITOR="sed -i s/answer/edited-text/")
    tmux.shows("An answer:")
    tmux.type("Enter")
    tmux.shows("Esc back")
    tmux.type("e")
    tmux.shows("An edited-text:")
    tmux.shows("Esc back")  # The whole screen is drawn again
    content = segued.connect().call("message.list", session_id="s0")["messages"][1]["content"]
    assert content.startswith("An **edited-text**:")


def test_the_browser_is_suspended_and_continued_by_the_shell(terminal: Opened) -> None:
    tmux = terminal("PS1='prompt> ' bash --norc -i")
    tmux.shows("prompt>")
    tmux.type(f"{SEGUE} browse", "Enter")
    tmux.shows("An answer:")
    tmux.type("C-z")
    tmux.shows("Stopped")
    tmux.type("fg", "Enter")
    tmux.shows("An answer:")
    tmux.shows("? keys")
    tmux.type("q")
    tmux.shows("prompt>")


def test_a_signal_ends_the_browser_and_leaves_the_terminal_as_it_was(terminal: Opened, segue: Cli) -> None:
    """Python runs in the place of `sh`, so that its process has the number that was written."""
    script = segue.directory / "run"
    browse = f"sh -c 'echo $$ >pid; exec {SEGUE} browse'"
    script.write_text(f"stty -a >before\n{browse}\necho LEFT $?\nstty -a | cmp - before && echo SAME\n")
    tmux = terminal(f"sh {script}")
    tmux.shows("An answer:")
    os.kill(int((segue.directory / "pid").read_text()), signal.SIGTERM)
    assert "LEFT 143" in tmux.shows("SAME")
    assert tmux.run("display-message", "-p", "#{alternate_on} #{cursor_flag}").split() == ["0", "1"]


def test_statistics_and_a_theme_are_chosen_and_the_theme_is_kept(terminal: Opened) -> None:
    tmux = terminal(f"{SEGUE} browse --theme dark; echo SECOND; read line; {SEGUE} browse", size=(100, 40))
    tmux.shows("An answer:")
    tmux.type("s")
    tmux.shows("less · ░ ▒ ▓ █ more")
    tmux.type("Tab")
    tmux.shows("week   ")
    tmux.type("q")
    tmux.shows("An answer:")
    assert "48;2;22;24;29m" in tmux.screen("-e")  # The background of the dark theme
    tmux.type("T", "q")
    tmux.shows("SECOND")
    tmux.type("Enter")
    tmux.shows("An answer:")
    assert "48;2;255;255;255m" in tmux.screen("-e")
    tmux.type("q")
    tmux.shows("ENDED 0")


@pytest.mark.parametrize("stream", ["stdin", "stderr"])
def test_the_browser_refuses_a_pipe(segue: Cli, stream: str) -> None:
    master, slave = os.openpty()
    streams = {"stdin": slave, "stdout": subprocess.PIPE, "stderr": slave, stream: subprocess.PIPE}
    done = subprocess.Popen([SEGUE, "browse"], env={**segue.environment, "TERM": "xterm"}, text=True, **streams)  # type: ignore[call-overload]
    os.close(slave)
    _, errors = done.communicate("")
    shown = errors if stream == "stderr" else os.read(master, 4096).decode()
    os.close(master)
    assert "segue browse needs a terminal, but standard" in shown
    assert "use segue list and segue show" in shown
    assert done.returncode == 1


def test_without_textual_the_error_says_what_to_install(segue: Cli, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_TEXTUAL)
    done = segue.given(PYTHONPATH=str(tmp_path)).run("browse")
    assert "add it with: pipx inject segue textual" in done.err
    assert done.code == 1
