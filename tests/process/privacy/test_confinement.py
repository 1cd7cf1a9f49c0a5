"""The daemon makes no system call that its unit forbids: all calls of its life are traced."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.process.command_line import Cli
from tests.support.process import PROGRAMS, Segued
from tests.support.wire import TIMEOUT_SECONDS

UNIT = Path(__file__).parents[3] / "systemd" / "segued.service"
CALL = re.compile(r"^(?:\d+ +)?([a-z0-9_]+)\((.*)$")


@pytest.fixture
def calls(segued: Segued, unserved: Cli, tmp_path: Path) -> list[tuple[str, str]]:
    """Return every system call of a daemon from its start to its exit, with the arguments."""
    trace = tmp_path / "trace"
    segued.program = ["strace", "-f", "-qq", "-o", str(trace), str(PROGRAMS / "segued")]
    segued.start()
    work(segued, unserved)
    assert segued.connect().call("daemon.shutdown") == {}
    assert segued.wait() == 0
    segued.program = [str(PROGRAMS / "segued")]
    found = [match.groups() for line in trace.read_text().splitlines() if (match := CALL.match(line))]
    return [(name, arguments) for name, arguments in found]


def work(segued: Segued, segue: Cli) -> None:
    """Use the daemon: writes, a large value, searches, events, deletions, checks, a cleanup."""
    wire = segued.connect()
    wire.call("session.create", id="s")
    wire.call("events.subscribe", session_id="s")
    wire.call("message.append", session_id="s", role="user", content="some words " * 10_000)
    segue.ok("add", "more words")
    segue.ok("search", "words")
    wire.call("session.fork", session_id="s")
    wire.call("session.cleanup")
    wire.call("session.delete", session_id="s")
    assert wire.call("daemon.check", full=True)["ok"]


def allowed(name: str) -> set[str]:
    """Return the system calls of a systemd set, including those of nested sets."""
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS
    )
    words = {line.strip() for line in done.stdout.splitlines()[1:] if line.strip() and not line.strip().startswith("#")}
    inner = {word for word in words if word.startswith("@")}
    return (words - inner).union(*(allowed(word) for word in inner))


def test_the_daemon_makes_only_system_calls_that_its_unit_allows(calls: list[tuple[str, str]]) -> None:
    settings = UNIT.read_text()
    assert "\nSystemCallFilter=@system-service\n" in settings
    names = {name for name, _ in calls}
    assert {"bind", "fdatasync", "flock"} <= names  # The trace is complete.
    assert names - allowed("@system-service") == set()

    assert "\nRestrictAddressFamilies=AF_UNIX\n" in settings
    families = {arguments.partition(",")[0] for name, arguments in calls if name in ("socket", "socketpair")}
    assert families == {"AF_UNIX"}

    assert "\nMemoryDenyWriteExecute=yes\n" in settings
    executable = [(name, arguments) for name, arguments in calls if "PROT_EXEC" in arguments]
    assert executable  # The libraries are mapped so.
    assert not [call for call in executable if call[0] != "mmap" or "PROT_WRITE" in call[1]]

    assert "\nRestrictNamespaces=yes\n" in settings
    assert not [call for call in calls if "CLONE_NEW" in call[1]]
