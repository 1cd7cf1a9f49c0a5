import re
import resource
import signal
from pathlib import Path

from tests.process.asking import Asking, Gate, contents, messages
from tests.process.command_line import Cli
from tests.support.process import Segued

SLOW = "echo begun; read _ <gate; echo ended"


def kept_replies(segued: Segued) -> list[Path]:
    folder = segued.folder / ".local" / "state" / "segue" / "replies"
    return [*folder.iterdir()] if folder.exists() else []


def test_a_daemon_that_comes_back_gets_the_reply(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW)
    asking.read_until(b"begun\n")
    segued.kill()
    gate.open()
    asking.read_complaint(b"waiting for it")
    asking.send(signal.SIGSTOP)  # On a busy machine a start may take longer than `segue ask` waits.
    segued.start()
    asking.send(signal.SIGCONT)
    assert asking.finish() == (0, b"begun\nended\n", "")
    assert contents(segued) == [("user", "x"), ("assistant", "begun\nended")]
    assert kept_replies(segued) == []


def test_a_daemon_that_was_restarted_meanwhile_is_hardly_noticed(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW)
    asking.read_until(b"begun\n")
    segued.stop()
    segued.start()
    gate.open()
    assert asking.finish()[:2] == (0, b"begun\nended\n")
    assert contents(segued) == [("user", "x"), ("assistant", "begun\nended")]


def test_a_daemon_that_stays_away_leaves_the_reply_in_a_private_file(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW, "--model", "it's")
    asking.read_until(b"begun\n")
    segued.kill()
    gate.open()
    asking.read_complaint(b"waiting for it")
    asking.send(signal.SIGINT)  # without a wait
    code, out, err = asking.finish()
    assert (code, out) == (1, b"begun\nended\n")
    [kept] = kept_replies(segued)
    assert kept.read_text() == "begun\nended"
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    command = re.search(r"add it with: (.*)", err)
    assert command is not None
    segued.start()
    for _ in range(2):
        assert segue.shell(command[1]).code == 0
    reply = messages(segued)[-1]
    assert contents(segued) == [("user", "x"), ("assistant", "begun\nended")]
    assert (reply["model"], reply["stop_reason"]) == ("it's", "end")


def test_a_session_deleted_meanwhile_leaves_the_reply_in_a_file(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW)
    asking.read_until(b"begun\n")
    id = messages(segued)[0]["session_id"]
    segue.ok("delete", "--yes", id)
    gate.open()
    code, _, err = asking.finish()
    assert code == 1
    command = re.search(r"add it with: (.*)", err)
    assert command is not None
    assert segue.shell(command[1]).code == 0
    assert contents(segued) == [("assistant", "begun\nended")]


def test_without_a_place_to_keep_it_the_output_still_has_it(segue: Cli, segued: Segued, gate: Gate) -> None:
    (segued.folder / ".local").write_text("in the way")
    asking = Asking(segue, "x", "--with", SLOW)
    asking.read_until(b"begun\n")
    segue.ok("delete", "--yes", messages(segued)[0]["session_id"])
    gate.open()
    code, out, err = asking.finish()
    assert (code, out) == (1, b"begun\nended\n")
    assert "cannot store the reply" in err
    assert "only the output above has it" in err


def test_half_a_reply_is_not_left_on_a_full_disk(segue: Cli, segued: Segued, gate: Gate) -> None:
    full = 4096
    asking = Asking(
        segue,
        "x",
        "--with",
        f"printf begun; read _ <gate; head -c {2 * full} /dev/zero | tr '\\0' x",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (full, full)),
    )
    asking.read_until(b"begun")
    segue.ok("delete", "--yes", messages(segued)[0]["session_id"])
    gate.open()
    code, out, err = asking.finish()
    assert (code, out) == (1, b"begun" + b"x" * 2 * full)
    assert "only the output above has it" in err
    assert kept_replies(segued) == []


def test_folders_above_a_kept_reply_are_private_too(segue: Cli, segued: Segued, gate: Gate) -> None:
    asking = Asking(segue, "x", "--with", SLOW, umask=0o022)
    asking.read_until(b"begun\n")
    segue.ok("delete", "--yes", messages(segued)[0]["session_id"])
    gate.open()
    asking.finish()
    [kept] = kept_replies(segued)
    folders = [folder for folder in kept.parents if segued.folder in folder.parents]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 4
