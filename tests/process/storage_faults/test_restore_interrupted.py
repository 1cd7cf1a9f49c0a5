"""A `segue restore` that fails or is killed at any step loses no answered write."""

import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.command_line import SEGUE, Cli
from tests.support.process import Segued
from tests.support.system.copies import session_ids
from tests.support.wal import wait_until_wal_was_emptied
from tests.support.wire import TIMEOUT_SECONDS

STEPS = ("link", "rename", "unlink", "fsync")
BROKEN_DISK = ("-e", "inject=pwrite64:error=EIO")
"""SQLite cannot write the file, so it cannot copy the WAL into it."""


@pytest.fixture
def copy(segued: Segued, project: Path) -> Iterator[Path]:
    """Yield a backup without the session `answered`, which is only in the WAL of the killed daemon."""
    wire = segued.start().connect()
    wait_until_wal_was_emptied(wire)
    wire.call("session.create", id="old")
    wire.call("daemon.backup", path=str(project / "copy.db"))
    wire.call("session.create", id="answered")
    segued.kill()
    assert Path(f"{segued.database}-wal").stat().st_size
    yield project / "copy.db"
    for path in segued.database.parent.glob("sessions.db.replaced-*"):
        path.rename(segued.folder / path.name)  # before the check of the data directory


def restore(segue: Cli, trace: Path, *strace: str) -> int:
    """Run a restore under strace and return its exit status."""
    watched = ["-e", f"trace={','.join((*STEPS, 'pwrite64'))}"]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", str(trace), *watched, *strace, SEGUE, "restore", "copy.db", "--yes"],
        capture_output=True,
        cwd=segue.directory,
        env={**segue.environment, "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=TIMEOUT_SECONDS,
    )
    assert b"Traceback" not in done.stderr
    return done.returncode


def names(database: Path) -> set[str]:
    """Return the names in the database's directory, without those of SQLite and the lock."""
    own = ("", "-wal", "-shm", "-journal", ".lock")
    return {path.name for path in database.parent.iterdir()} - {f"{database.name}{suffix}" for suffix in own}


def served(segued: Segued) -> list[str]:
    """Start a daemon and return its sessions."""
    segued.log.clear()
    with segued.start().connect() as wire:
        found = sorted(session["id"] for session in wire.call("session.list")["sessions"])
        assert wire.call("daemon.check", full=True) == {"ok": True, "problems": []}
    assert segued.stop() == 0
    return found


def saved(segued: Segued) -> dict[str, bytes]:
    """Return the contents of the files of the killed daemon."""
    return {suffix: Path(f"{segued.database}{suffix}").read_bytes() for suffix in ("", "-wal")}


def put_back(segued: Segued, files: dict[str, bytes]) -> None:
    for path in segued.database.parent.glob("*"):
        if path.is_file() and path.name != f"{segued.database.name}.lock":
            path.unlink()
    for suffix, content in files.items():
        Path(f"{segued.database}{suffix}").write_bytes(content)
        Path(f"{segued.database}{suffix}").chmod(0o600)


@pytest.mark.parametrize(
    ("what", "disk"),
    [
        pytest.param("error=ENOSPC", BROKEN_DISK, id="no room, broken disk"),
        pytest.param("error=ENOSPC", (), id="no room"),
        pytest.param("signal=KILL", BROKEN_DISK, id="kill, broken disk"),
        pytest.param("signal=KILL", (), id="kill"),
    ],
)
def test_after_a_failure_at_any_step_one_of_the_two_databases_is_served(
    segued: Segued, unserved: Cli, copy: Path, tmp_path: Path, what: str, disk: tuple[str, ...]
) -> None:
    files, trace = saved(segued), tmp_path / "trace"
    assert restore(unserved, trace, *disk) == 0
    counts = Counter(line.split()[1].partition("(")[0] for line in trace.read_text().splitlines())
    assert counts["link"] == 1
    assert counts["rename"] == (2 if disk else 1)
    ends = Counter[str]()
    for step in STEPS:
        for number in range(1, counts[step] + 1):
            put_back(segued, files)
            code = restore(unserved, trace, *disk, "-e", f"inject={step}:{what}:when={number}")
            replaced = [path for path in segued.database.parent.glob("*.replaced-*") if path.suffix[-4:] != "-wal"]
            found, place = served(segued), f"{step} {number}"
            if found == ["old"]:
                assert [session_ids(path) for path in replaced] == [["answered", "old"]], place
            else:
                assert found == ["answered", "old"], place
                assert code != 0, place
                assert not [name for name in names(segued.database) if ".replaced-" in name], place
                assert segued.database.stat().st_nlink == 1, place
            assert code in (0, 1, -signal.SIGKILL), place
            ends[",".join(found)] += 1
    assert ends["answered,old"] >= 2


def test_a_failed_restore_leaves_every_file_unchanged(
    segued: Segued, unserved: Cli, copy: Path, tmp_path: Path
) -> None:
    before = saved(segued)
    fault = ("-e", "inject=rename:error=ENOSPC:when=2")
    assert restore(unserved, tmp_path / "trace", *BROKEN_DISK, *fault) == 1
    assert names(segued.database) == {"daemon.json"}
    assert segued.database.stat().st_nlink == 1
    assert saved(segued)["-wal"] in (before["-wal"], b"")


def test_another_program_that_reads_the_database_prevents_the_restore(
    segued: Segued, unserved: Cli, copy: Path
) -> None:
    with closing(sqlite3.connect(segued.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sessions").fetchone()
        outcome = unserved.run("restore", "copy.db", "--yes")
    assert (outcome.code, outcome.out, "another program" in outcome.err) == (1, "", True)
    assert names(segued.database) == {"daemon.json"}
    assert served(segued) == ["answered", "old"]


def test_a_database_on_a_broken_disk_is_kept_with_its_wal(
    segued: Segued, unserved: Cli, copy: Path, tmp_path: Path
) -> None:
    assert restore(unserved, tmp_path / "trace", *BROKEN_DISK) == 0
    [old] = [path for path in segued.database.parent.glob("*.replaced-*") if path.suffix[-4:] != "-wal"]
    assert Path(f"{old}-wal").stat().st_size
    assert {path.stat().st_mode & 0o777 for path in segued.database.parent.iterdir()} == {0o600}
    assert session_ids(old) == ["answered", "old"]
    assert session_ids(segued.database) == ["old"]
