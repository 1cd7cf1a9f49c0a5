"""`segue tail`: live, through restarts, and ended when its reader is gone."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.deadline import wait_until
from tests.support.process import PROGRAMS, Segued
from tests.support.wire import TIMEOUT_SECONDS, Wire

Start = Callable[..., "Tail"]

AWAY = "segue: the daemon is not available; waiting for it\n"


class Tail:
    """A running `segue tail`."""

    def __init__(self, segued: Segued, *options: str, **popen: Any) -> None:
        self.process: subprocess.Popen[str] = subprocess.Popen(
            [str(PROGRAMS / "segue"), "tail", *options],
            **{
                "env": segued.environment, "text": True, "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen,
            },
        )  # fmt: skip

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def row(self) -> list[str]:
        return self.line().removesuffix("\n").split("\t")

    def complaint(self) -> str:
        """Return the next line on stderr."""
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def interrupt(self) -> tuple[int, str, str]:
        """Press Ctrl-C: exit code and what else it said."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=TIMEOUT_SECONDS)
        return self.process.returncode, out or "", err or ""


@pytest.fixture
def tail(segued: Segued) -> Iterator[Start]:
    """Start `segue tail`, and kill it at the end of the test."""
    running: list[Tail] = []

    def start(*options: str, **popen: Any) -> Tail:
        running.append(Tail(segued, *options, **popen))
        return running[-1]

    yield start
    for one in running:
        one.process.kill()
        one.process.communicate(timeout=TIMEOUT_SECONDS)


def followed(segued: Segued, number: int = 1) -> Wire:
    """Return a connection when so many clients follow."""
    wire = segued.connect()
    wait_until(lambda: wire.call("daemon.status")["subscriptions"] == number)
    return wire


def append(wire: Wire, session: str, content: str, role: str = "user") -> Any:
    return wire.call("message.append", session_id=session, role=role, content=content)


def test_a_message_is_a_row_as_soon_as_it_is_appended_and_ctrl_c_ends_with_130(segued: Segued, tail: Start) -> None:
    segued.start()
    wire = segued.connect()
    session = wire.call("session.create")["id"]
    append(wire, session, "before")
    running = tail()
    followed(segued)
    first = append(wire, session, "\n first\tline \x1b[31m\n second\n")
    name = wire.call("session.get", session_id=session)["name"]
    assert running.row() == [first["created_at"], session, name, "user", "first\\x09line \\x1b[31m"]
    wire.call("session.update", session_id=session, name="renamed")
    second = wire.call(
        "message.append", session_id=session, role="assistant", content="", parts=[{"type": "image"}, {}]
    )
    assert running.row() == [second["created_at"], session, "renamed", "assistant", "[image, part]"]
    assert running.interrupt() == (130, "", "")


def test_json_gives_each_message_whole(segued: Segued, tail: Start) -> None:
    segued.start()
    running = tail("--json")
    wire = followed(segued)
    appended = wire.call("message.append", working_dir="/srv", role="user", content="a\nb", metadata={"x": [1]})
    assert json.loads(running.line()) == wire.call("message.get", message_id=appended["message_id"])


def test_here_shows_sessions_of_the_current_directory_only(segued: Segued, tail: Start) -> None:
    segued.start()
    running = tail("--here", cwd=segued.folder)
    wire = followed(segued)
    wire.call("message.append", working_dir="/srv/elsewhere", role="user", content="no")
    wire.call("message.append", working_dir=str(segued.folder), role="user", content="yes")
    assert running.row()[-1] == "yes"


def test_one_session_can_be_named_by_a_prefix_of_its_id(segued: Segued, tail: Start) -> None:
    segued.start()
    wire = segued.connect()
    one, other = (wire.call("session.create", id=id)["id"] for id in ("one-session", "other"))
    running = tail("--session", "one")
    followed(segued)
    append(wire, other, "no")
    append(wire, one, "yes")
    assert running.row()[-1] == "yes"
    unknown = tail("--session", "two")
    assert unknown.process.wait(TIMEOUT_SECONDS) == 1


@pytest.mark.parametrize("options", [(), ("--session", "s")])
def test_a_restart_loses_and_repeats_nothing(segued: Segued, tail: Start, options: tuple[str, ...]) -> None:
    segued.start()
    wire = segued.connect()
    session = wire.call("session.create", id="s", working_dir="/srv")["id"]
    append(wire, session, "long ago")
    running = tail(*options)
    followed(segued)
    append(wire, session, "one")
    assert running.row()[-1] == "one"
    for number, end in enumerate((segued.stop, segued.kill)):
        end()
        assert running.complaint() == AWAY
        os.rename(segued.socket.parent, segued.folder / "hidden")  # noqa: PTH104 - it cannot be reached
        segued.start("--socket", str(segued.folder / "other.sock"))
        with Wire(segued.folder / "other.sock") as unseen:
            append(unseen, session, f"missed {number}")
            fork = unseen.call("session.fork", session_id=session)["id"]
            append(unseen, session, f"missed too {number}")
            unseen.call("session.delete", session_id=fork)
            unseen.call("session.fork", session_id=session)
        segued.stop()
        os.rename(segued.folder / "hidden", segued.socket.parent)  # noqa: PTH104
        (segued.folder / "other.sock.lock").unlink()
        segued.start()
        assert [running.row()[-1], running.row()[-1]] == [f"missed {number}", f"missed too {number}"]
        append(followed(segued), session, f"live {number}")
        assert running.row()[-1] == f"live {number}"
    assert running.interrupt() == (130, "", "")


def test_it_waits_for_a_daemon_that_was_never_there(segued: Segued, tail: Start) -> None:
    running = tail(env={**segued.environment, "SEGUE_NO_AUTOSTART": "1"})
    assert running.complaint() == AWAY
    segued.start()
    wire = followed(segued)
    wire.call("message.append", working_dir="/srv", role="user", content="hello")
    assert running.row()[-1] == "hello"


def test_ctrl_c_ends_it_while_it_waits(segued: Segued, tail: Start) -> None:
    running = tail(env={**segued.environment, "SEGUE_NO_AUTOSTART": "1"})
    assert running.complaint() == AWAY
    assert running.interrupt() == (130, "", "")


def test_a_reader_that_has_enough_ends_it_quietly(segued: Segued, tail: Start) -> None:
    segued.start()
    running = tail()
    wire = followed(segued)
    session = wire.call("session.create")["id"]
    append(wire, session, "one")
    assert running.row()[-1] == "one"
    assert running.process.stdout is not None
    running.process.stdout.close()
    append(wire, session, "two")
    assert running.process.wait(TIMEOUT_SECONDS) == 0
    assert running.process.stderr is not None
    assert running.process.stderr.read() == ""


def test_a_reader_that_falls_behind_gets_every_message_once(segued: Segued, tail: Start) -> None:
    segued.config.write_text("[limits]\nevent_backlog = 5\n")
    segued.start()
    running = tail()
    wire = followed(segued)
    session = wire.call("session.create")["id"]
    running.process.send_signal(signal.SIGSTOP)
    contents = [f"{number} {'x' * 20_000}" for number in range(100)]
    for content in contents:
        append(wire, session, content)
    running.process.send_signal(signal.SIGCONT)
    assert [running.row()[-1] for _ in contents] == contents


def test_a_terminal_gets_harmless_lines_that_fit_it(segued: Segued, tail: Start) -> None:
    segued.start()
    screen, terminal = pty.openpty()
    running = tail(stdout=terminal, env={**segued.environment, "COLUMNS": "80", "TERM": "dumb"})
    os.close(terminal)
    wire = followed(segued)
    session = wire.call("session.create", name="a\u202eb", id="s")["id"]
    append(wire, session, "\x1b]0;owned\x07" + "x" * 500)
    with os.fdopen(screen, "rb", buffering=0) as seen:
        shown = seen.readline().decode() + seen.readline().decode()
        assert "a\\u202eb  user\r\n\\x1b]0;owned\\x07xxx" in shown
        assert max(map(len, shown.splitlines())) <= 80
        assert running.interrupt()[0] == 130


def stream(wire: Wire, session: str, *texts: str) -> int:
    id: int = wire.call("message.begin", session_id=session, role="assistant")["message_id"]
    for text in texts:
        wire.call("message.delta", message_id=id, text=text)
    return id


def test_a_reply_grows_on_a_terminal(segued: Segued, tail: Start) -> None:
    segued.start()
    screen, terminal = pty.openpty()
    running = tail(stdout=terminal, env={**segued.environment, "COLUMNS": "80", "TERM": "dumb"})
    os.close(terminal)
    wire = followed(segued)
    wire.call("session.create", name="n", id="s")
    shown = ""

    def see(text: str) -> None:
        nonlocal shown
        while text not in shown:
            shown += os.read(screen, 65536).decode()

    id = stream(wire, "s", "one \x1b[31m", "two")
    see("one \\x1b[31mtwo")
    other = stream(segued.connect(), "s", "another")
    append(wire, "s", "between")
    see("between")
    wire.call("message.delta", message_id=id, text=" three")
    see("three")
    wire.call("message.finish", message_id=id)
    append(wire, "s", "last")
    see("last")
    words = " ".join(shown.split())
    at = f"{shown[:16]}  n  ".replace("  ", " ")
    assert words == (
        f"{at}assistant one \\x1b[31mtwo {at}user between {at}assistant (continued) three {at}user last"
    ), (shown, other)
    assert running.interrupt()[0] == 130
    os.close(screen)


def test_a_pipe_gets_a_streamed_reply_when_it_has_ended(segued: Segued, tail: Start) -> None:
    segued.start()
    running = tail()
    wire = followed(segued)
    wire.call("session.create", id="s")
    id = stream(wire, "s", "one ", "two")
    append(wire, "s", "between")
    assert running.row()[-2:] == ["user", "between"]
    wire.call("message.finish", message_id=id)
    assert running.row()[-2:] == ["assistant", "one two"]
    stream(leaving := segued.connect(), "s", "cut")
    leaving.close()
    assert running.row()[-2:] == ["assistant", "cut"]
