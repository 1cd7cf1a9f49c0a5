"""The daemon follows other tools with one process of its own, which ends when the daemon ends."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.process.command_line import Cli
from tests.support.deadline import wait_until
from tests.support.process import Segued


def configure(segued: Segued, follow: str) -> None:
    segued.config.write_text(f"[import]\nfollow = {follow}\n")
    segued.config.chmod(0o600)


def import_status(segued: Segued) -> dict[str, Any]:
    found: dict[str, Any] = segued.connect().call("daemon.status")["import"]
    return found


def running(segued: Segued) -> dict[str, Any]:
    """Return the status when the importer has imported everything."""
    wire = segued.connect()
    wait_until(lambda: wire.call("daemon.status")["import"]["state"] == "running")
    return import_status(segued)


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def write(segued: Segued, *texts: str) -> None:
    chat = Path(segued.environment["HOME"]) / ".cache/shell_gpt/chat_cache/talk"
    chat.parent.mkdir(parents=True, exist_ok=True)
    chat.write_text(json.dumps([{"role": "user", "content": text} for text in texts]))


def test_a_written_session_is_found_and_the_importer_ends_with_a_killed_daemon(segued: Segued, unserved: Cli) -> None:
    configure(segued, '["shell-gpt", "claude"]')
    segued.start()
    status = running(segued)
    assert list(status["tools"]) == []
    write(segued, "zebra crossing")
    wire = segued.connect()
    wait_until(lambda: wire.call("message.search", query="zebra")["total"] == 1)
    wait_until(lambda: "shell-gpt" in import_status(segued)["tools"])
    before = import_status(segued)["tools"]["shell-gpt"]
    write(segued, "zebra crossing", "answer")
    wait_until(lambda: import_status(segued)["tools"]["shell-gpt"]["last_seen_at"] != before["last_seen_at"])
    found = import_status(segued)["tools"]["shell-gpt"]
    assert (found["sessions"], found["errors"]) == (1, [])
    assert found["lag_ms"] is not None
    [line] = [line for line in unserved.ok("status").out.splitlines() if line.startswith("  shell-gpt ")]
    assert "1 session, last change" in line
    nice = os.getpriority(os.PRIO_PROCESS, segued.pid)
    assert os.getpriority(os.PRIO_PROCESS, status["pid"]) == min(nice + 10, 19)
    segued.kill()
    wait_until(lambda: not exists(status["pid"]))


def test_a_killed_importer_is_started_again_and_a_stopped_daemon_stops_it(segued: Segued) -> None:
    segued.allowed_errors.append("the importer ended")
    configure(segued, "true")
    segued.start()
    first = running(segued)["pid"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: import_status(segued)["restarts"] == 1)
    second = running(segued)
    assert second["pid"] not in (None, first)
    assert segued.stop() == 0
    assert not exists(second["pid"])


def test_without_watchfiles_the_daemon_serves_and_says_so(segued: Segued, tmp_path: Path, unserved: Cli) -> None:
    segued.allowed_errors.append("watchfiles is not installed")
    (tmp_path / "without" / "watchfiles").mkdir(parents=True)
    (tmp_path / "without" / "watchfiles" / "__init__.py").write_text("raise ImportError")
    configure(segued, "true")
    segued.start(env={**segued.environment, "PYTHONPATH": str(tmp_path / "without")})
    wire = segued.connect()
    wait_until(lambda: wire.call("daemon.status")["import"]["state"] == "waiting")
    assert "pipx inject segue watchfiles" in import_status(segued)["error"]
    assert "pipx inject segue watchfiles" in unserved.ok("status").out
    assert any("pipx inject segue watchfiles" in line for line in segued.log)
    assert wire.call("daemon.ping") == "pong"


@pytest.mark.parametrize(
    ("follow", "reason"),
    [
        ('["claude", "cladue"]', 'no tool is named "cladue"; the tools are aider, '),
        ("3", "must be true or false or a list"),
    ],
)
def test_an_unknown_tool_is_refused_at_the_start(segued: Segued, follow: str, reason: str) -> None:
    configure(segued, follow)
    code, [line] = segued.fail()
    assert (code, "import.follow: " in line, reason in line) == (2, True, True)
