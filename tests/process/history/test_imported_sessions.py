"""What a person sees of imported sessions, and what never continues them."""

import shutil
import subprocess
from pathlib import Path

from tests.process.command_line import SEGUE, Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued
from tests.support.wire import TIMEOUT_SECONDS
from tests.unit.history.histories import HISTORIES


def test_an_imported_session_is_marked_shown_with_its_calls_and_never_continued(segue: Cli, segued: Segued) -> None:
    shutil.copytree(HISTORIES / "claude", Path(segued.environment["HOME"]), dirs_exist_ok=True)
    wire = segued.connect()
    tail = subprocess.Popen(
        [SEGUE, "tail"], env=segued.environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    try:
        wait_until(lambda: wire.call("daemon.status")["subscriptions"] == 1)
        segue.ok("import", "claude")
        assert tail.stdout is not None
        rows = [tail.stdout.readline().split("\t") for _ in range(5)]
    finally:
        tail.kill()
        tail.communicate(timeout=TIMEOUT_SECONDS)
    assert {row[3] for row in rows} >= {"user", "assistant"}, rows
    [session] = [one for one in wire.call("session.list")["sessions"] if one["name"] == "Sorting things"]
    assert " claude " in segue.shown("list", "--all", columns=80)
    assert "[claude] Sorting things" in segue.shown("search", "dict")
    assert "dict" in segue.ok("search", "--source", "claude", "dict").out
    assert segue.run("search", "--source", "", "dict").code == segue.run("grep", "--source", "codex", "dict").code == 1
    transcript = segue.ok("show", session["id"]).out
    assert f"source    claude {session['source']['path']}" in transcript
    assert "→ Bash ls" in transcript
    assert "← hello.txt" in transcript
    directory = session["working_dir"]
    assert wire.call("session.prompt", working_dir=directory) == ""
    assert wire.call("session.resolve", working_dir=directory, create=False)["session"] is None
    appended = wire.call("message.append", working_dir=directory, role="user", content="a new conversation")
    assert appended["session_id"] != session["id"]
